// Which profile leads each identifier that a destination knows people by, and which others, who
// have the same, follow it. An identifier is a digest of the values that a removal names
// (Composer::identifier); it is sent under its leader alone, and removed when nobody has it.
//
// Cost: some 50 bytes for each identifier, some 100 more for each who follows.
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "connect/digest_table.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// Of those who follow one leader, how many are asked whether they take over.
inline constexpr std::size_t kHeirsMax = 256;

class SharedIdentifiers {
 public:
  std::optional<index::Ordinal> leader(std::uint64_t identifier) const;
  bool leads(index::Ordinal person, std::uint64_t identifier) const {
    return leader(identifier) == person;
  }
  // By which they are known there; 0: by none, or nobody knows.
  std::uint64_t held_by(index::Ordinal person) const { return held_by_.get(person); }
  const index::Bitmap& followers() const { return followers_; }
  // Of one identifier, ascending, at most `most`.
  std::vector<index::Ordinal> followers_of(std::uint64_t identifier, std::size_t most) const;
  // Whom somebody follows.
  std::optional<index::Ordinal> leader_of(index::Ordinal follower) const;

  // 0 changes nothing, in all of these; but who is sent without one follows nobody any more.
  void lead(index::Ordinal person, std::uint64_t identifier);
  void follow(index::Ordinal person, std::uint64_t identifier);
  void hold(index::Ordinal person, std::uint64_t identifier) {
    if (identifier != 0) held_by_.set(person, identifier);
  }
  void let_go(index::Ordinal person) {
    if (held_by_.get(person) != 0) held_by_.set(person, 0);
  }
  // Nobody leads it from here on.
  void free(std::uint64_t identifier) { leaders_.erase(identifier); }
  void stop_following(index::Ordinal person);
  // The others stop following.
  void keep_followers(const index::Bitmap& people);

 private:
  std::unordered_map<std::uint64_t, index::Ordinal> leaders_;
  DigestTable held_by_;
  index::Bitmap followers_;
  std::unordered_map<index::Ordinal, std::uint64_t> follow_;
  std::set<std::pair<std::uint64_t, index::Ordinal>> by_identifier_;  // The same.
};

}  // namespace muster::connect
