// Any bytes as a segment: what can be read is printed, read again and equal, in both spellings.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "query/language/language.h"

namespace {

using muster::query::NodePtr;

void check_round_trips(const NodePtr& tree) {
  const auto again = muster::query::parse(muster::query::print(tree));
  CHECK(again.has_value());
  CHECK(muster::query::equal(tree, *again));
  const auto from_json = muster::query::from_json(muster::query::to_json(tree));
  CHECK(from_json.has_value());
  CHECK(muster::query::equal(tree, *from_json));
  const NodePtr canonical = muster::query::canonical(tree);
  CHECK(muster::query::canonical_hash(canonical) == muster::query::canonical_hash(tree));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto tree = muster::query::parse(text)) {
    check_round_trips(*tree);
  } else {
    CHECK(!tree.error().message.empty());
  }
  if (const auto tree = muster::query::from_json(text)) {
    check_round_trips(*tree);
  }
  return 0;
}
