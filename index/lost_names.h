// Ids and identifiers whose key was destroyed: what stands in their place, and who is meant by the
// rows of a log that still name them.
//
// Between a checkpoint and the record that erases somebody there may be rows about them. The
// checkpoint cannot say their id any more, only its tag; so in its place stands a text made of the
// tag, and a replay puts the same text into rows that are about somebody by that name as long as it
// leads to them. At the end of a start nobody who has such a name is there any more.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "index/schema.h"
#include "index/typing.h"

namespace muster::index {

// What stands in place of a name. It begins with a control byte, and rows that come with such a
// name are rejected.
std::string lost_name(std::uint64_t tag);
// Its tag; nothing when it is another text.
std::optional<std::uint64_t> tag_of_lost_name(std::string_view text);

// Takes out the rows that name somebody so: by an id, or by the value of a declared identifier.
// `rejected` is not in order afterwards.
void reject_lost_names(TypedRows& rows, const Schema& schema);

class LostNames {
 public:
  using Tagger = std::function<std::uint64_t(std::string_view identifier, std::string_view value)>;

  bool empty() const { return tags_.empty(); }
  void add(const std::string& identifier, std::uint64_t tag) { tags_[identifier].insert(tag); }
  void tag_with(Tagger tagger) { tagger_ = std::move(tagger); }

  // The lost name that the value has; else itself.  Cost: one tag; nothing when none is lost.
  std::string name_of(const std::string& identifier, std::string_view value) const;

 private:
  Tagger tagger_;
  std::map<std::string, std::set<std::uint64_t>> tags_;  // By identifier.
};

}  // namespace muster::index
