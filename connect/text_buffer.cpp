#include "connect/text_buffer.h"

#include <algorithm>
#include <cstdint>

namespace muster::connect {
namespace {

constexpr std::size_t kFirstBytes = 4'096;
constexpr std::size_t kWordBytes = sizeof(std::uint64_t), kHalfBytes = kWordBytes / 2;

constexpr std::uint64_t each_byte(std::uint64_t byte) { return byte * 0x0101010101010101ULL; }

// Not zero where one of eight bytes is not plain: a control character, a quote, a backslash or part
// of a longer character. A borrow may mark a plain byte above one that is not; none is missed.
// Source: Henry S. Warren, "Hacker's Delight", 2nd edition, section 6-1.
std::uint64_t not_plain(std::uint64_t word) {
  const std::uint64_t control = word - each_byte(0x20);
  const std::uint64_t quote = (word ^ each_byte('"')) - each_byte(1);
  const std::uint64_t backslash = (word ^ each_byte('\\')) - each_byte(1);
  return (control | quote | backslash | word) & each_byte(0x80);
}

// Copies eight bytes, and says what not_plain() does of them.
std::uint64_t copy_word(const char* from, char* to) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, kWordBytes);
  std::memcpy(to, &word, kWordBytes);
  return not_plain(word);
}

// The same of one to seven: of pieces that overlap, so that their number is no loop.
std::uint64_t copy_part(const char* from, char* to, std::size_t size) {
  if (size < kHalfBytes) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
    std::uint64_t word = each_byte(' ');
    std::memcpy(&word, to, 1);
    std::memcpy(reinterpret_cast<char*>(&word) + 1, to + size / 2, 1);
    std::memcpy(reinterpret_cast<char*>(&word) + 2, to + size - 1, 1);
    return not_plain(word);
  }
  std::uint32_t first = 0, last = 0;
  std::memcpy(&first, from, kHalfBytes);
  std::memcpy(&last, from + size - kHalfBytes, kHalfBytes);
  std::memcpy(to, &first, kHalfBytes);
  std::memcpy(to + size - kHalfBytes, &last, kHalfBytes);
  return not_plain(std::uint64_t{last} << 32 | first);
}

// Copies a text; whether it is plain.
bool copy_plain(std::string_view text, char* to) {
  const char* const from = text.data();
  const std::size_t size = text.size();
  if (size < kWordBytes) return size == 0 || copy_part(from, to, size) == 0;
  std::uint64_t found = 0;
  for (std::size_t at = 0; at + kWordBytes <= size; at += kWordBytes) {
    found |= copy_word(from + at, to + at);
  }
  // The last eight, of which some were copied before.
  found |= copy_word(from + size - kWordBytes, to + size - kWordBytes);
  return found == 0;
}

}  // namespace

void TextBuffer::put_text(std::string_view text) {
  char* const at = room(text.size() + 2);
  *at = '"';
  if (copy_plain(text, at + 1)) {
    at[text.size() + 1] = '"';
    size_ += text.size() + 2;
    return;
  }
  escaped_.clear();
  escaped_.text(text);
  put(escaped_.str());
}

void TextBuffer::grow(std::size_t bytes) {
  const std::size_t capacity = std::max({kFirstBytes, 2 * capacity_, size_ + bytes});
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

}  // namespace muster::connect
