// Keys to dense codes and back: profile ids to ordinals, text values to codes.
//
// One DictionaryWriter appends; each Dictionary is a snapshot that sees the first size() keys and
// stays valid for ever. Keys never move: a code is for life. Readers take no lock: what a snapshot
// reaches was written before it was taken, and newer slots of the hash table are passed over.
// Growing the table makes a new one; snapshots keep theirs.
//
// Every key found is compared byte by byte. A key costs 9 to 10 bytes of slots (index/key_slots.h),
// 2.3 of place (index/key_pool.h) and its own bytes, of which a canonical UUID has 16.
// Thread safety: Dictionary any thread; DictionaryWriter one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "index/key_form.h"
#include "index/key_pool.h"
#include "index/key_slots.h"

namespace muster::index {

// What a batch of look-ups says of an unknown key.
inline constexpr std::uint32_t kNoKey = KeySlots::kNone;

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
  // Requires code < size().  The bytes live as long as any snapshot.
  KeyText key(std::uint32_t code) const;
  // The same for all snapshots of one writer, and for no others that live at the same time.
  const void* identity() const { return keys_.get(); }
  std::size_t bytes() const { return bytes_; }  // On the heap, when the snapshot was taken.

 private:
  friend class DictionaryWriter;
  std::shared_ptr<const KeyPool> keys_;
  std::shared_ptr<const KeySlots> slots_;
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

 private:
  std::uint32_t add(const KeyForm& key, std::uint32_t tag);

  std::shared_ptr<KeyPool> keys_;
  std::shared_ptr<KeySlots> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace muster::index
