// What the engine keeps of event conditions, for how long, and within how many bytes.
//
// Kept is the condition of a saved segment from its first question on, and any other from its
// second. When the bytes run out, what was not asked about the longest goes first. Questions about
// the present and questions about a moment of their own have entries of their own: looking back
// never costs the present what it keeps.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "query/kept.h"

namespace muster::engine {

// Which moment a question is about: that of the clock, or one that was named.
enum class Moment : std::uint8_t { Present, Named };

class KeptPredicates {
 public:
  // Units: bytes of all kept sets and keys. 0 keeps nothing.
  explicit KeptPredicates(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  bool is_on() const { return bytes_max_ != 0; }
  // Counts as a question about the condition.
  query::KeptFound find(const std::string& key, bool is_saved, Moment moment);
  // What is kept, without counting as a question; nothing more is wanted.
  query::KeptFound peek(const std::string& key, Moment moment) const;
  // Keeps what a question has made; blocks that know more already stay.
  // Cost: a pointer per block of each predicate that changed.
  void take(const query::KeptMade& made, Moment moment);

  std::uint64_t bytes() const;

 private:
  struct Entry {
    std::string key;
    query::KeptPredicatePtr predicate;  // Null: asked, nothing made so far.
    std::uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  Entries::iterator entry(const std::string& key, Moment moment, bool& is_new);
  void put_out_oldest();

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;  // Guards all below.
  Entries entries_;           // Asked last first.
  std::unordered_map<std::string_view, Entries::iterator> by_key_;  // Into entries_.
  std::uint64_t bytes_ = 0;
};

}  // namespace muster::engine
