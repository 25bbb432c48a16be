#include "storage/record_frame.h"

#include "base/zstd.h"
#include "storage/record.h"

namespace muster::storage {

// Records have a sum of their own.
std::string compress(std::string_view raw) { return zstd_pack(raw, FrameSum::None); }

Error damaged(std::string_view what) {
  return {ErrorCode::Corrupt, "the record is damaged: " + std::string(what)};
}

Result<std::string> inflate(std::string_view frame, std::uint64_t size) {
  if (size > kRawBytesMax) return damaged("its raw batch claims more than the largest batch");
  if (zstd_size(frame) != size) {
    return damaged("the frame of its raw batch does not have the size it claims");
  }
  auto raw = zstd_unpack(frame, size);
  if (!raw) return damaged("its raw batch is not one whole zstd frame, or cannot be decompressed");
  return std::move(*raw);
}

}  // namespace muster::storage
