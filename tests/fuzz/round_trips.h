// What must hold for every tree that could be read, in whichever spelling.
//
// Thread safety: any thread.
#pragma once

#include "base/check.h"
#include "query/language/language.h"

namespace muster::testing {

inline void check_round_trips(const query::NodePtr& tree) {
  const auto again = query::parse(query::print(tree));
  CHECK(again.has_value());
  CHECK(query::equal(tree, *again));
  const auto from_json = query::from_json(query::to_json(tree));
  CHECK(from_json.has_value());
  CHECK(query::equal(tree, *from_json));
  CHECK(query::canonical_hash(query::canonical(tree)) == query::canonical_hash(tree));
}

// Whoever refuses says why.
template <typename Read>
void check_read(const Read& read) {
  if (read) {
    check_round_trips(*read);
  } else {
    CHECK(!read.error().message.empty());
  }
}

}  // namespace muster::testing
