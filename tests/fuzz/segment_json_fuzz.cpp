// Any bytes as the JSON form of a segment: what can be read is printed and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/round_trips.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  muster::testing::check_read(muster::query::from_json(text));
  return 0;
}
