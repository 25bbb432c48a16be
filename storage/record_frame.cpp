#include "storage/record_frame.h"

#include <zstd.h>
#include <zstd_errors.h>

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

}  // namespace

std::string compress(std::string_view raw) {
  std::string frame(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t size =
      ZSTD_compress(frame.data(), frame.size(), raw.data(), raw.size(), kZstdLevel);
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
