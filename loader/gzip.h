// Packed bytes: gzip and deflate, unpacked under a cap, so that a small body cannot fill memory.
//
// gzip is RFC 1952, several members one behind the other included; anything else behind a member
// is an error. What comes out is never unpacked a second time.
// Thread safety: functions any thread, objects one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::loader {

enum class Packing {
  Gzip,
  Deflate
};  // Deflate: with zlib's frame (RFC 1950) or without (RFC 1951).

// Whether the bytes begin like gzip.
inline bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

// A whole body, unpacked.
// Errors: InvalidArgument when it is empty, damaged, cut off, or has more behind its end; TooLarge
// as soon as more than `bytes_max` come out.
Result<std::string> unpack(Packing packing, std::string_view packed, std::size_t bytes_max);

// The bytes as one gzip member, the same for the same bytes. Level 1 (fast) to 9 (small).
std::string gzip(std::string_view bytes, int level);

// Unpacks gzip piece by piece.
class Gunzip {
 public:
  struct Step {
    std::size_t read = 0;     // Of the input: give the rest again.
    std::size_t written = 0;  // Into the output. Nothing read and nothing written: give more.
  };

  Gunzip();
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // Errors: InvalidArgument, saying what is wrong.
  Result<Step> step(std::string_view packed, std::span<char> out);
  // Call at the end of the input.  Errors: InvalidArgument when it was cut off.
  Status finish() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// Packs piece by piece into one gzip member, the same bytes for the same pieces.
class GzipWriter {
 public:
  explicit GzipWriter(int level);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  // Both append what is ready to `out`.
  void add(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  struct Stream;
  void run(std::string_view bytes, int flush, std::string& out);
  std::unique_ptr<Stream> stream_;
};

}  // namespace muster::loader
