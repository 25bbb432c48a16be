#include "storage/record_frame.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <memory>
#include <new>

#include "base/check.h"
#include "storage/record.h"

namespace muster::storage {
namespace {

// Raw batches are text: level 1 makes them about five times smaller at several hundred MB/s.
constexpr int kZstdLevel = 1;

// Too little memory is no damage.
void check_memory(std::size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
}

// To make a context costs more than to compress so little with it: each thread that does keeps
// one, of a few hundred kilobytes.
constexpr std::size_t kSmallBytes = 64U << 10;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

std::size_t compress_into(std::string& frame, std::string_view raw) {
  if (raw.size() > kSmallBytes) {
    return ZSTD_compress(frame.data(), frame.size(), raw.data(), raw.size(), kZstdLevel);
  }
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context;
  if (!context) context.reset(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), raw.data(), raw.size(),
                           kZstdLevel);
}

}  // namespace

std::string compress(std::string_view raw) {
  std::string frame(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t size = compress_into(frame, raw);
  check_memory(size);
  CHECK(ZSTD_isError(size) == 0);  // The bound is large enough for any input.
  frame.resize(size);
  return frame;
}

Error damaged(std::string_view what) {
  return {ErrorCode::Corrupt, "the record is damaged: " + std::string(what)};
}

Result<std::string> inflate(std::string_view frame, std::uint64_t size) {
  if (size > kRawBytesMax) return damaged("its raw batch claims more than the largest batch");
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != size) {
    return damaged("the frame of its raw batch does not have the size it claims");
  }
  const std::size_t whole = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(whole) != 0 || whole != frame.size()) {
    return damaged("its raw batch is not one whole zstd frame");
  }
  std::string raw(size, '\0');
  const std::size_t made = ZSTD_decompress(raw.data(), raw.size(), frame.data(), frame.size());
  check_memory(made);
  if (ZSTD_isError(made) != 0 || made != size) {
    return damaged("its raw batch cannot be decompressed");
  }
  return raw;
}

}  // namespace muster::storage
