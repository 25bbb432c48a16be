// Bytes in and out of records: little-endian numbers, lengths, texts, with every read checked.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

// Appends to a string it borrows for its lifetime.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { raw(&value, sizeof value); }
  void u64(std::uint64_t value) { raw(&value, sizeof value); }
  void i64(std::int64_t value) { raw(&value, sizeof value); }
  // Base-128, seven bits a byte, lowest first.
  void varint(std::uint64_t value);
  // Length as varint, then the bytes.
  void text(std::string_view value);

 private:
  void raw(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);  // Little-endian hosts only: CMake checks.
  }
  std::string& out_;
};

// Reads from bytes the caller keeps. The first read past the end or malformed number makes
// failed() true, and every later read returns zero or empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int64_t i64() { return number<std::int64_t>(); }
  std::uint64_t varint();
  std::string_view text();

  bool failed() const { return failed_; }
  // What was read makes no sense to the reader: from here on as after a read past the end.
  void fail() { failed_ = true; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t offset() const { return at_; }
  std::size_t remaining() const { return bytes_.size() - at_; }

 private:
  template <typename T>
  T number() {
    T value{};
    if (failed_ || remaining() < sizeof value) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace muster
