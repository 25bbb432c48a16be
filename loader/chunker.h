// A file as chunks that end at row borders: plain or gzip, NDJSON, a JSON array or CSV.
//
// The same file always gives the same chunks with the same keys, so that a load that was
// interrupted can start again and nothing is taken twice. A byte order mark is taken off the
// file. Every chunk of CSV carries the header line, the first one too: its rows begin behind it.
// A JSON array is one chunk and so at most kBatchBytesMax.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/limits.h"
#include "base/result.h"
#include "engine/row_decoder.h"

namespace muster::loader {

// 4 MiB: long enough that a sync per chunk does not count, short enough to try again cheaply.
inline constexpr std::size_t kChunkBytes = 4U << 20;

struct Chunk {
  storage::DataFormat format = storage::DataFormat::Ndjson;
  std::string csv_header;  // With its line break; "" unless CSV.
  std::string bytes;
  std::uint64_t index = 0;   // From 0.
  std::uint64_t offset = 0;  // Of the first byte in the unpacked file, without its mark.
  std::uint64_t first_line = 1;
  std::string idempotency_key;  // 32 hexadecimal digits.
  bool last = false;            // Nothing follows.
};

struct ChunkerOptions {
  std::string table;  // Where it goes ("events", "entities:product"): part of
                      // the key, as one file may feed two tables.
  std::size_t chunk_bytes = kChunkBytes;
};

class Chunker {
 public:
  // Errors: NotFound when there is no such file; InvalidArgument when it cannot be read, is a
  // folder, is no text, or its format is not known by name or content.
  static Result<std::unique_ptr<Chunker>> open(const std::filesystem::path& path,
                                               const ChunkerOptions& options);
  ~Chunker();

  // The next chunk, or nothing at the end. An empty file has none.
  // Errors: InvalidArgument for damaged gzip; TooLarge for a JSON array over kBatchBytesMax.
  Result<std::optional<Chunk>> next();

  // Bytes of the file on disk read so far, and in all: packed ones where it is packed.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_total() const;
  storage::DataFormat format() const;

 private:
  class Impl;
  explicit Chunker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::loader
