#include "connect/compress.h"

#include <zlib.h>

#include <limits>

#include "base/check.h"
#include "base/zstd.h"

namespace muster::connect {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to say "gzip, largest window".
constexpr int kMemoryLevel = 8;           // zlib's default.
constexpr std::size_t kChunkBytes = 64U << 10;

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

// A damaged delivery is not to be sent.
std::string pack(std::string_view bytes) { return zstd_pack(bytes, FrameSum::Content); }

bool is_packed(std::string_view bytes) { return is_zstd_frame(bytes); }

Result<std::string> unpack(std::string_view packed, std::size_t bytes_max) {
  if (!is_packed(packed)) return gzip_unpack(packed, bytes_max);
  const Error corrupt{ErrorCode::Corrupt, "A stored delivery is no valid zstd frame."};
  const auto size = zstd_size(packed);
  if (!size) return corrupt;
  if (*size > bytes_max) return too_large();
  auto bytes = zstd_unpack(packed, *size);
  if (!bytes) return corrupt;
  return std::move(*bytes);
}

}  // namespace muster::connect
