// Keys to dense codes and back: profile ids to ordinals, text values to codes.
//
// One DictionaryWriter appends; each Dictionary is a snapshot that sees the first size() keys and
// stays valid for ever. Keys never move: a code is for life. Readers take no lock: slots of the
// hash table are atomic words, and a slot with a code at or past size() is not yet there for that
// snapshot. Growing the table makes a new one; snapshots keep theirs.
//
// Thread safety: Dictionary any thread; DictionaryWriter one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace muster::index {

namespace dictionary_detail {
class Keys;
class Slots;
}  // namespace dictionary_detail

class Dictionary {
 public:
  Dictionary() = default;  // Empty.

  std::uint32_t size() const { return size_; }
  // The code of a key.  Cost: one hash, one or two cache misses.
  std::optional<std::uint32_t> find(std::string_view key) const;
  // Requires code < size().  The bytes live as long as any snapshot.
  std::string_view key(std::uint32_t code) const;
  std::size_t bytes() const { return bytes_; }  // On the heap, when the snapshot was taken.

 private:
  friend class DictionaryWriter;
  std::shared_ptr<const dictionary_detail::Keys> keys_;
  std::shared_ptr<const dictionary_detail::Slots> slots_;
  std::uint32_t size_ = 0;
  std::size_t bytes_ = 0;
};

class DictionaryWriter {
 public:
  DictionaryWriter();
  ~DictionaryWriter();
  DictionaryWriter(DictionaryWriter&&) noexcept;
  DictionaryWriter& operator=(DictionaryWriter&&) noexcept;

  // The key's code, given now if it is new.
  std::uint32_t add(std::string_view key);
  std::optional<std::uint32_t> find(std::string_view key) const;
  std::string_view key(std::uint32_t code) const;
  std::uint32_t size() const { return size_; }
  Dictionary snapshot() const;
  std::size_t bytes() const;  // On the heap.

 private:
  void grow();
  std::shared_ptr<dictionary_detail::Keys> keys_;
  std::shared_ptr<dictionary_detail::Slots> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace muster::index
