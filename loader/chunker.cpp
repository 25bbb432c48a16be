#include "loader/chunker.h"

#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "base/text.h"
#include "loader/formats.h"
#include "loader/json_text.h"
#include "loader/text_source.h"

namespace muster::loader {
namespace {

using storage::DataFormat;

// Looked at to find out what a file holds; more than any header line of a sane file.
constexpr std::size_t kLookBytes = 64U << 10;

// "events.ndjson.gz" -> ".ndjson"
std::string extension_of(const std::filesystem::path& path) {
  std::string extension =
      (path.extension() == ".gz" ? path.stem().extension() : path.extension()).string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension;
}

Result<DataFormat> format_of(const std::filesystem::path& path, std::string_view head) {
  const std::string extension = extension_of(path);
  if (extension == ".csv") return DataFormat::Csv;
  const std::string_view text = trimmed(head);
  const char first = text.empty() ? '{' : text.front();
  if (first == '[') return DataFormat::JsonArray;
  const bool json_name = extension == ".ndjson" || extension == ".jsonl" || extension == ".json";
  if (json_name || first == '{') return DataFormat::Ndjson;
  if (text.substr(0, text.find('\n')).find(',') != std::string_view::npos) return DataFormat::Csv;
  return Error{ErrorCode::InvalidArgument,
               "the file '" + path.string() +
                   "' is neither NDJSON nor CSV by its name or its content; name it .ndjson or "
                   ".csv"};
}

}  // namespace

class Chunker::Impl {
 public:
  Impl(std::unique_ptr<TextSource> source, const ChunkerOptions& options)
      : source_(std::move(source)), options_(options) {}

  Status start(const std::filesystem::path& path) {
    TRY(source_->read(kLookBytes, buffer_));
    if (buffer_.starts_with("\xff\xfe") || buffer_.starts_with("\xfe\xff")) {
      return Error{ErrorCode::InvalidArgument,
                   "the file '" + path.string() + "' is UTF-16; save it as UTF-8"};
    }
    if (buffer_.starts_with(kByteOrderMark)) buffer_.erase(0, kByteOrderMark.size());
    TRY_ASSIGN(format_, format_of(path, buffer_));
    if (format_ == DataFormat::Csv && left() > 0) return take_header(path);
    return Ok{};
  }

  Result<std::optional<Chunk>> next() {
    TRY(fill(format_ == DataFormat::JsonArray ? kBatchBytesMax : options_.chunk_bytes));
    if (left() == 0) return std::optional<Chunk>();
    Chunk chunk;
    chunk.format = format_;
    chunk.csv_header = header_;
    chunk.index = index_++;
    chunk.offset = offset_;
    chunk.first_line = line_;
    TRY(cut(chunk));
    // The next look shows whether anything follows.
    TRY(fill(options_.chunk_bytes));
    chunk.last = left() == 0;
    line_ += static_cast<std::uint64_t>(std::count(chunk.bytes.begin(), chunk.bytes.end(), '\n'));
    chunk.idempotency_key = key_of(chunk);
    return std::optional<Chunk>(std::move(chunk));
  }

  const TextSource& source() const { return *source_; }
  DataFormat format() const { return format_; }

 private:
  std::size_t left() const { return buffer_.size() - at_; }

  // Has `size` bytes at hand, and a row of kLineBytesMax behind them, unless the file ends before.
  Status fill(std::size_t size) {
    const std::size_t wanted = size + kLineBytesMax + 2;
    if (left() >= wanted || source_->at_end()) return Ok{};
    buffer_.erase(0, at_);
    at_ = 0;
    return source_->read(wanted - buffer_.size(), buffer_);
  }

  std::string_view ahead() const { return std::string_view(buffer_).substr(at_); }

  void step_over(std::size_t bytes) {
    at_ += bytes;
    offset_ += bytes;
  }

  Status take_header(const std::filesystem::path& path) {
    TRY(fill(kLineBytesMax));
    const std::size_t end = csv_row_end(ahead(), 0);
    header_ = ahead().substr(0, end);
    if (const auto empty = decode_csv({}, header_); !empty) {
      return Error{empty.error().code,
                   "in the file '" + path.string() + "' " + empty.error().message};
    }
    line_ += static_cast<std::uint64_t>(std::count(header_.begin(), header_.end(), '\n'));
    step_over(end);
    return Ok{};
  }

  Status cut(Chunk& chunk) {
    if (format_ == DataFormat::JsonArray) return cut_array(chunk);
    const std::size_t end = rows_end();
    chunk.bytes = ahead().substr(0, end);
    step_over(end);
    const bool closed = chunk.bytes.ends_with('\n') || (left() == 0 && source_->at_end());
    return closed ? Status(Ok{}) : skip_long_line(chunk);
  }

  // Where as many whole rows end as fit a chunk; at least one row, or its first kLineBytesMax + 1
  // bytes when it is longer than any row may be.
  std::size_t rows_end() const {
    const std::string_view text = ahead();
    const std::size_t size = options_.chunk_bytes;
    if (text.size() <= size && source_->at_end()) return text.size();
    std::size_t end = 0;
    if (format_ == DataFormat::Csv) {
      while (end < text.size()) {
        const std::size_t row = csv_row_end(text, end);
        if (end > 0 && row > size) break;
        end = row;
      }
    } else {
      const std::size_t found = text.rfind('\n', size - 1);
      end = found != std::string_view::npos ? found + 1
                                            : std::min(text.find('\n', size), text.size() - 1) + 1;
    }
    const bool one_long_row = end > size && end > kLineBytesMax + 2;
    return one_long_row ? kLineBytesMax + 1 : end;
  }

  // The line that the chunk ends in is longer than any may be: its rest is left out, so that it is
  // refused for its length without having been held in memory.
  Status skip_long_line(Chunk& chunk) {
    chunk.bytes += '\n';
    while (true) {
      const std::size_t found = ahead().find('\n');
      if (found != std::string_view::npos) {
        step_over(found + 1);
        return Ok{};
      }
      step_over(left());
      if (source_->at_end()) return Ok{};
      TRY(fill(options_.chunk_bytes));
    }
  }

  Status cut_array(Chunk& chunk) {
    if (left() > kBatchBytesMax) {
      return Error{ErrorCode::TooLarge,
                   "a file that is one JSON array may have 67108864 bytes; write one object a line "
                   "(NDJSON) instead"};
    }
    chunk.bytes = ahead();
    step_over(left());
    return Ok{};
  }

  // What the chunk is: everything of the file up to its end, and the table.
  std::string key_of(const Chunk& chunk) {
    std::string words;
    ByteWriter writer(words);
    writer.text(options_.table);
    writer.u64(chunk.index);
    writer.u64(chunk.offset);
    writer.text(chunk.csv_header);
    writer.u64(so_far_.high);
    writer.u64(so_far_.low);
    const Hash128 bytes = hash128(chunk.bytes);
    writer.u64(bytes.high);
    writer.u64(bytes.low);
    so_far_ = hash128(words);
    std::string key;
    ByteWriter key_writer(key);
    key_writer.u64(so_far_.high);
    key_writer.u64(so_far_.low);
    return to_hex(key);
  }

  std::unique_ptr<TextSource> source_;
  ChunkerOptions options_;
  DataFormat format_ = DataFormat::Ndjson;
  std::string buffer_;  // Read from the source, used up to `at_`.
  std::size_t at_ = 0;
  std::string header_;
  std::uint64_t index_ = 0, offset_ = 0, line_ = 1;
  Hash128 so_far_;
};

Chunker::Chunker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Chunker::~Chunker() = default;

Result<std::unique_ptr<Chunker>> Chunker::open(const std::filesystem::path& path,
                                               const ChunkerOptions& options) {
  CHECK(options.chunk_bytes > 0 && options.chunk_bytes <= kBatchBytesMax - 2 * kLineBytesMax);
  TRY_ASSIGN(std::unique_ptr<TextSource> source, TextSource::open(path));
  auto impl = std::make_unique<Impl>(std::move(source), options);
  TRY(impl->start(path));
  return std::unique_ptr<Chunker>(new Chunker(std::move(impl)));
}

Result<std::optional<Chunk>> Chunker::next() {
  return impl_->next();
}
std::uint64_t Chunker::bytes_read() const {
  return impl_->source().bytes_read();
}
std::uint64_t Chunker::bytes_total() const {
  return impl_->source().bytes_total();
}
DataFormat Chunker::format() const {
  return impl_->format();
}

}  // namespace muster::loader
