#include "connect/compress.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <vector>

namespace muster::connect {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to say "gzip, largest window".
constexpr int kMemoryLevel = 8;           // zlib's default.
constexpr std::size_t kChunkBytes = 64U << 10;

constexpr int kZstdLevel = 1;
// Of a thread's room for a frame, between two of them.
constexpr std::size_t kRoomKeptMax = 1U << 20;
constexpr std::string_view kZstdMagic("\x28\xB5\x2F\xFD", 4);

struct ContextDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, ContextDeleter>;

// With a checksum of what was compressed: a damaged delivery is not to be sent.
Context make_context() {
  Context context(ZSTD_createCCtx());
  if (context == nullptr) return context;
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kZstdLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  return context;
}

// Too little memory is no damage.
void check_memory(std::size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
}

Error too_large() {
  return {ErrorCode::TooLarge, "A stored delivery unpacks to more than its limit."};
}

// zlib does not write through this pointer; its C interface only lacks the const.
Bytef* input_of(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

}  // namespace

std::string gzip_pack(std::string_view bytes) {
  CHECK(bytes.size() < std::numeric_limits<uInt>::max());
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  CHECK(done == Z_STREAM_END);  // deflateBound promised the room.
  return out;
}

Result<std::string> gzip_unpack(std::string_view packed, std::size_t bytes_max) {
  const Error corrupt{ErrorCode::Corrupt, "A stored delivery is no valid gzip."};
  if (packed.size() >= std::numeric_limits<uInt>::max()) return corrupt;
  z_stream stream{};
  CHECK(inflateInit2(&stream, kGzipWindowBits) == Z_OK);
  stream.next_in = input_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK && out.size() <= bytes_max) {
    const std::size_t before = out.size();
    out.resize(before + kChunkBytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kChunkBytes);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  const bool whole = state == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > bytes_max) return too_large();
  if (!whole) return corrupt;
  return out;
}

std::string pack(std::string_view bytes) {
  // A context is dear to make: each thread keeps one.
  thread_local const Context context = make_context();
  if (context == nullptr) throw std::bad_alloc();
  // So is room for the worst case, of which little is filled.
  thread_local std::vector<char> room;
  room.resize(std::max(room.size(), ZSTD_compressBound(bytes.size())));
  const std::size_t size = ZSTD_compress2(context.get(), room.data(), room.size(), bytes.data(),
                                          bytes.size());
  check_memory(size);
  CHECK(ZSTD_isError(size) == 0);  // The bound is large enough for any input.
  std::string frame(room.data(), size);
  if (room.size() > kRoomKeptMax) std::vector<char>().swap(room);
  return frame;
}

bool is_packed(std::string_view bytes) { return bytes.starts_with(kZstdMagic); }

Result<std::string> unpack(std::string_view packed, std::size_t bytes_max) {
  if (!is_packed(packed)) return gzip_unpack(packed, bytes_max);
  const Error corrupt{ErrorCode::Corrupt, "A stored delivery is no valid zstd frame."};
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return corrupt;
  if (size > bytes_max) return too_large();
  const std::size_t whole = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
  if (ZSTD_isError(whole) != 0 || whole != packed.size()) return corrupt;
  std::string bytes(size, '\0');
  const std::size_t made =
      ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size());
  check_memory(made);
  if (ZSTD_isError(made) != 0 || made != size) return corrupt;
  return bytes;
}

}  // namespace muster::connect
