// The field names of a batch as a tree of the keys that lead to them, found by guessing first.
//
// Rows of one file look alike: the next key is nearly always one of the next few that followed
// last time, so most look-ups compare a few bytes and hash nothing.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loader/batch_builder.h"

namespace muster::loader {

class KeyTree {
 public:
  using Id = std::uint32_t;
  static constexpr Id kRoot = 0;
  static constexpr Id kNone = kNoColumn;

  KeyTree();

  // The child of `parent` whose raw key stands at `key`, closed by a quote, among the few behind
  // `position`; kNone when the guess fails.
  Id guess(Id parent, std::uint32_t position, const char* key) const;
  // The child with that raw key, or kNone.
  Id find(Id parent, std::string_view raw_key) const;
  // Makes a child. `name` is the key as text; another spelling of a known key becomes an alias,
  // and the known child comes back. kNone when the tree has kKeysMax.
  Id add(Id parent, std::string_view raw_key, std::string_view name);

  const std::string& path(Id id) const { return keys_[id].path; }  // "address.city"
  // Where the next guess begins after this child.
  std::uint32_t position_behind(Id id) const { return keys_[id].position + 1; }

  // Marks the key as seen in the row; whether it had been already.
  bool see(Id id, std::uint64_t row) {
    const bool seen = keys_[id].seen == row;
    keys_[id].seen = row;
    return seen;
  }

  // The column of the key in `builder`; kNoColumn when there is no room for one.
  std::uint32_t column(Id id, BatchBuilder& builder);

  // The column that the key itself made, if it did; it stays until a rollback takes it.
  std::uint32_t made_column(Id id) const { return keys_[id].column; }

  // Takes back the keys made since there were `keys`, and the memory of columns from `columns` on.
  void rollback(std::size_t keys, std::size_t columns);
  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string raw, path;
    Id parent = kRoot;
    Id meant = kNone;  // Of an alias: the key itself.
    std::uint32_t position = 0;
    std::uint32_t column = kNoColumn;
    std::uint64_t seen = 0;
    std::vector<Id> children;
  };
  struct Ref {
    Id parent;
    std::string_view raw;  // Of a Key, which the deque keeps in place.
    bool operator==(const Ref&) const = default;
  };
  struct RefHash {
    std::size_t operator()(const Ref& ref) const {
      return std::hash<std::string_view>()(ref.raw) * 31 + ref.parent;
    }
  };

  Id insert(Key key);

  std::deque<Key> keys_;
  std::unordered_map<Ref, Id, RefHash> by_key_;
  std::vector<Id> column_owner_;  // By column: the key that remembers it.
};

}  // namespace muster::loader
