// A key as it is stored, and as it is read: UUIDs as 16 bytes, anything else as it is.
//
// Only the canonical text counts as a UUID, 8-4-4-4-12 lower-case hexadecimal digits, so that it
// is printed back byte for byte. Source: RFC 9562, section 4.
// Thread safety: any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <ostream>
#include <string_view>

namespace muster::index {

inline constexpr std::size_t kUuidBytes = 16, kUuidTextBytes = 36;

// The stored form of a key. Points into the key, which must outlive it, unless it is a UUID.
class KeyForm {
 public:
  explicit KeyForm(std::string_view key) : text_(key) {
    if (key.size() == kUuidTextBytes && key[8] == '-') read_uuid(key);
  }

  bool is_uuid() const { return is_uuid_; }
  std::string_view bytes() const {
    return is_uuid_ ? std::string_view(uuid_.data(), kUuidBytes) : text_;
  }

 private:
  void read_uuid(std::string_view key);

  std::string_view text_;
  bool is_uuid_ = false;
  std::array<char, kUuidBytes> uuid_;  // Only when is_uuid_.
};

// A key's text: a view of stored bytes, or a UUID spelt out here.
class KeyText {
 public:
  explicit KeyText(std::string_view stored) : stored_(stored) {}
  // Requires kUuidBytes bytes.
  static KeyText of_uuid(std::string_view bytes);

  // Lives as long as this object and the dictionary it came from.
  std::string_view view() const {
    return stored_.data() == nullptr ? std::string_view(uuid_.data(), kUuidTextBytes) : stored_;
  }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)

  friend std::strong_ordering operator<=>(const KeyText& a, const KeyText& b) {
    return a.view() <=> b.view();
  }
  friend bool operator==(const KeyText& a, const KeyText& b) { return a.view() == b.view(); }
  friend bool operator==(const KeyText& a, std::string_view b) { return a.view() == b; }
  friend std::ostream& operator<<(std::ostream& out, const KeyText& key) {
    return out << key.view();
  }

 private:
  KeyText() = default;
  std::string_view stored_;  // Null data: uuid_ counts.
  std::array<char, kUuidTextBytes> uuid_;
};

}  // namespace muster::index
