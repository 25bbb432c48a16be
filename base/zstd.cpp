#include "base/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <vector>

#include "base/check.h"

namespace muster {
namespace {

constexpr int kLevel = 1;
// Of a thread's room for a frame, between two of them.
constexpr std::size_t kRoomKeptMax = 1U << 20;
constexpr std::string_view kMagic("\x28\xB5\x2F\xFD", 4);

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, FreeContext>;

// Of this thread, for frames with such a sum.
ZSTD_CCtx* context_for(FrameSum sum) {
  thread_local std::array<Context, 2> contexts;
  Context& context = contexts[static_cast<std::size_t>(sum)];
  if (context) return context.get();
  context.reset(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, sum == FrameSum::Content ? 1 : 0);
  return context.get();
}

// Too little memory is no damage.
void check_memory(std::size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
}

}  // namespace

std::string zstd_pack(std::string_view bytes, FrameSum sum) {
  ZSTD_CCtx* const context = context_for(sum);
  // Room for the worst case is dear, too, and little of it is filled.
  thread_local std::vector<char> room;
  room.resize(std::max(room.size(), ZSTD_compressBound(bytes.size())));
  const std::size_t size =
      ZSTD_compress2(context, room.data(), room.size(), bytes.data(), bytes.size());
  check_memory(size);
  CHECK(ZSTD_isError(size) == 0);  // The bound is large enough for any input.
  std::string frame(room.data(), size);
  if (room.size() > kRoomKeptMax) std::vector<char>().swap(room);
  return frame;
}

bool is_zstd_frame(std::string_view bytes) { return bytes.starts_with(kMagic); }

std::optional<std::uint64_t> zstd_size(std::string_view frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return std::nullopt;
  return size;
}

std::optional<std::string> zstd_unpack(std::string_view frame, std::uint64_t size) {
  if (zstd_size(frame) != size) return std::nullopt;
  const std::size_t whole = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(whole) != 0 || whole != frame.size()) return std::nullopt;
  std::string bytes(size, '\0');
  const std::size_t made =
      ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  check_memory(made);
  if (ZSTD_isError(made) != 0 || made != size) return std::nullopt;
  return bytes;
}

}  // namespace muster
