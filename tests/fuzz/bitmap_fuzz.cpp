// Any bytes as a portable Roaring bitmap: refused, or a set that says the same about itself
// whichever way it is asked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "index/sets/bitmap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using muster::index::Bitmap;
  constexpr std::size_t kListedMax = 100'000;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto read = Bitmap::from_bytes(bytes);
  if (!read) {
    CHECK(!read.error().message.empty());
    return 0;
  }
  const auto again = Bitmap::from_bytes(read->to_bytes());
  CHECK(again.has_value());
  CHECK(*again == *read);
  const auto members = read->slice(0, kListedMax);
  CHECK(members.size() == std::min<std::uint64_t>(read->count(), kListedMax));
  for (std::size_t n = 0; n < members.size(); ++n) {
    CHECK(n == 0 || members[n - 1] < members[n]);
    CHECK(read->contains(members[n]));
  }
  CHECK(subtract(*read, *again).empty());
  CHECK(unite(*read, *again) == *read);
  return 0;
}
