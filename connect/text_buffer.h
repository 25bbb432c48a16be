// Bytes of JSON that are written one piece behind the other: the body of a batch, a million of
// which are made in a run. It looks for room and for what is to be escaped eight bytes at a time.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/json_writer.h"

namespace muster::connect {

class TextBuffer {
 public:
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.get(), size_}; }
  std::string_view from(std::size_t begin) const { return view().substr(begin); }
  // Requires size <= size().
  void cut(std::size_t size) { size_ = size; }

  void put(char byte) {
    *room(1) = byte;
    ++size_;
  }
  void put(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Between quotes, byte for byte as JsonWriter::text() writes it.
  void put_text(std::string_view text);

 private:
  // Where to write; it stays until the next call.
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return bytes_.get() + size_;
  }
  void grow(std::size_t bytes);

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0, capacity_ = 0;
  JsonWriter escaped_;  // Of a text that is not plain.
};

}  // namespace muster::connect
