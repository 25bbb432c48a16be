// Any bytes as a log record: refused, or a record that encodes to one that reads back equal.
//
// The checksum would stop nearly every mutation, so the input is tried as it is and with a
// checksum made right.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "storage/record.h"

namespace {

void check_record(std::string_view bytes) {
  const auto record = muster::storage::decode(bytes);
  if (!record) {
    CHECK(!record.error().message.empty());
    return;
  }
  const auto again = muster::storage::decode(muster::storage::encode(*record));
  CHECK(again.has_value());
  CHECK(*again == *record);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check_record(bytes);
  if (bytes.size() >= sizeof(std::uint32_t)) {
    const std::uint32_t crc = muster::crc32c(std::string_view(bytes).substr(sizeof crc));
    std::memcpy(bytes.data(), &crc, sizeof crc);
    check_record(bytes);
  }
  return 0;
}
