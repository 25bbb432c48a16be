#include "loader/key_tree.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"

namespace muster::loader {
namespace {

// Keys and other spellings of keys in one batch: every field may be reached through a few objects.
constexpr std::size_t kKeysMax = 8 * kFieldsMax;

// Fields left out of a row are skipped by the guess as long as they are few in a line.
constexpr std::uint32_t kGuesses = 6;

// How a key is filed under its name. A name that no raw key can look like (a quote or a control
// character in it) gets a mark in front that no raw key has.
std::string spelling_of(std::string_view name) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  });
  return plain ? std::string(name) : "\x01" + std::string(name);
}

}  // namespace

KeyTree::KeyTree() {
  keys_.emplace_back();
}

KeyTree::Id KeyTree::guess(Id parent, std::uint32_t position, const char* key) const {
  const std::vector<Id>& children = keys_[parent].children;
  const std::size_t end = std::min<std::size_t>(children.size(), position + kGuesses);
  for (std::size_t i = position; i < end; ++i) {
    const Key& child = keys_[children[i]];
    // The text is known to be closed by a quote, so strncmp stops inside it at the latest.
    if (std::strncmp(key, child.raw.data(), child.raw.size()) == 0 &&
        key[child.raw.size()] == '"') {
      return child.meant == kNone ? children[i] : child.meant;
    }
  }
  return kNone;
}

KeyTree::Id KeyTree::find(Id parent, std::string_view raw_key) const {
  const auto found = by_key_.find(Ref{parent, raw_key});
  if (found == by_key_.end()) return kNone;
  const Key& key = keys_[found->second];
  return key.meant == kNone ? found->second : key.meant;
}

KeyTree::Id KeyTree::insert(Key key) {
  if (keys_.size() >= kKeysMax) return kNone;
  const auto id = static_cast<Id>(keys_.size());
  std::vector<Id>& siblings = keys_[key.parent].children;
  key.position = static_cast<std::uint32_t>(siblings.size());
  siblings.push_back(id);
  keys_.push_back(std::move(key));
  by_key_.emplace(Ref{keys_.back().parent, keys_.back().raw}, id);
  return id;
}

KeyTree::Id KeyTree::add(Id parent, std::string_view raw_key, std::string_view name) {
  const std::string spelling = spelling_of(name);
  Id meant = raw_key == spelling ? kNone : find(parent, spelling);
  if (meant == kNone) {
    Key key;
    key.raw = spelling;
    key.path = parent == kRoot ? std::string(name) : keys_[parent].path + "." + std::string(name);
    key.parent = parent;
    meant = insert(std::move(key));
  }
  if (raw_key != spelling && meant != kNone) {
    Key alias;
    alias.raw = raw_key;
    alias.parent = parent;
    alias.meant = meant;
    if (insert(std::move(alias)) == kNone) return kNone;
  }
  return meant;
}

std::uint32_t KeyTree::column(Id id, BatchBuilder& builder) {
  Key& key = keys_[id];
  if (key.column != kNoColumn) return key.column;
  const std::size_t before = builder.columns();
  const std::uint32_t column = builder.column(key.path);
  // Only the key that made a column remembers it: who else means it ("a.b" and a within b) asks by
  // name, so that taking the column back concerns one key.
  if (column != kNoColumn && builder.columns() > before) {
    key.column = column;
    column_owner_.push_back(id);
  }
  return column;
}

void KeyTree::rollback(std::size_t keys, std::size_t columns) {
  while (column_owner_.size() > columns) {
    keys_[column_owner_.back()].column = kNoColumn;
    column_owner_.pop_back();
  }
  while (keys_.size() > keys) {
    const Key& last = keys_.back();
    by_key_.erase(Ref{last.parent, last.raw});
    keys_[last.parent].children.pop_back();
    keys_.pop_back();
  }
}

}  // namespace muster::loader
