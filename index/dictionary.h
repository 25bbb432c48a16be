// Keys to dense codes and back: profile ids to ordinals, text values to codes.
//
// One DictionaryWriter appends; each Dictionary is a snapshot that sees the first size() keys and
// stays valid for ever. Keys never move: a code is for life. Readers take no lock: what a snapshot
// reaches was written before it was taken, and newer slots of the hash table are passed over.
// Growing the table makes a new one; snapshots keep theirs.
//
// A key may be forgotten: its code stays taken, but no look-up finds it any more, and a stand-in of
// the owner's choice stands in its place. Its bytes stay in memory until the dictionary is read
// back from a checkpoint, which never has them. The same key comes back under another code.
//
// Every key found is compared byte by byte. A key costs 9 to 10 bytes of slots (index/key_slots.h),
// 2.3 of place (index/key_pool.h) and its own bytes, of which a canonical UUID has 16.
// Thread safety: Dictionary any thread; DictionaryWriter one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/key_form.h"
#include "index/key_pool.h"
#include "index/key_slots.h"

namespace muster::index {

// What a batch of look-ups says of an unknown key.
inline constexpr std::uint32_t kNoKey = KeySlots::kNone;

// The codes of a dictionary whose keys are forgotten.
struct ForgottenKeys {
  std::vector<std::uint64_t> bits;  // By code; those beyond the end are not.
  std::uint32_t count = 0;
  std::string stand_in;             // What stands in place of each.

  bool contains(std::uint32_t code) const {
    return code / 64 < bits.size() && ((bits[code / 64] >> (code % 64)) & 1) != 0;
  }
  void add(std::uint32_t code);
};

class Dictionary {
 public:
  Dictionary() = default;  // Empty.

  std::uint32_t size() const { return size_; }
  // The code of a key.  Cost: one hash, about three cache misses.
  std::optional<std::uint32_t> find(std::string_view key) const;
  // The codes of many keys, kNoKey for unknown ones.  Requires codes.size() == keys.size().
  // Cost: the cache misses of different keys overlap: several times as fast as find() in large
  // dictionaries.
  void find_batch(std::span<const std::string_view> keys, std::span<std::uint32_t> codes) const;
  // Requires code < size().  The bytes live as long as this snapshot.
  KeyText key(std::uint32_t code) const;
  bool is_forgotten(std::uint32_t code) const { return forgotten_ && forgotten_->contains(code); }
  std::uint32_t forgotten() const { return forgotten_ ? forgotten_->count : 0; }  // How many.
  // The same for all snapshots of one writer, and for no others that live at the same time.
  const void* identity() const { return keys_.get(); }
  std::size_t bytes() const { return bytes_; }  // On the heap, when the snapshot was taken.

 private:
  friend class DictionaryWriter;
  std::shared_ptr<const KeyPool> keys_;
  std::shared_ptr<const KeySlots> slots_;
  std::shared_ptr<const ForgottenKeys> forgotten_;  // Null: none are.
  std::uint32_t size_ = 0;
  std::size_t bytes_ = 0;
};

class DictionaryWriter {
 public:
  DictionaryWriter();

  // The key's code, given now if it is new.
  std::uint32_t add(std::string_view key);
  // The same for many keys, in their order.  Requires codes.size() == keys.size().
  void add_batch(std::span<const std::string_view> keys, std::span<std::uint32_t> codes);
  std::optional<std::uint32_t> find(std::string_view key) const;
  void find_batch(std::span<const std::string_view> keys, std::span<std::uint32_t> codes) const;
  KeyText key(std::uint32_t code) const;
  std::uint32_t size() const { return size_; }
  Dictionary snapshot() const;
  std::size_t bytes() const { return keys_->bytes() + slots_->bytes(); }  // On the heap.

  // Forgets the keys of these codes; `stand_in` is the same at every call.
  // Requires codes < size().
  // Cost: a copy of a bit for each code.
  void forget(std::span<const std::uint32_t> codes, std::string_view stand_in);
  // Adds a code whose key is forgotten already.
  void add_forgotten(std::string_view stand_in);

 private:
  std::uint32_t add(const KeyForm& key, std::uint32_t tag);
  ForgottenKeys& forgotten(std::string_view stand_in);

  std::shared_ptr<KeyPool> keys_;
  std::shared_ptr<KeySlots> slots_;
  std::shared_ptr<ForgottenKeys> forgotten_;  // Snapshots have it too: copied before it changes.
  std::uint32_t size_ = 0;
};

}  // namespace muster::index
