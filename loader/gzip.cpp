#include "loader/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "base/check.h"

namespace muster::loader {
namespace {

constexpr int kWindowBits = 15;            // 32 KiB, the largest that either format knows.
constexpr int kGzipOnly = 16;              // Added to the window: a gzip frame and nothing else.
constexpr std::size_t kPiece = 64U << 10;  // Bytes of output asked for at once.

Error damaged(const z_stream& stream) {
  return {ErrorCode::InvalidArgument,
          std::string("the compressed data is damaged: ") +
              (stream.msg != nullptr ? stream.msg : "it does not follow its format")};
}

Error cut_off() {
  return {ErrorCode::InvalidArgument, "the compressed data is cut off before its end"};
}

Error more_behind() {
  return {ErrorCode::InvalidArgument, "the compressed data has more bytes behind its end"};
}

// zlib reads only, but its pointer is not const.
Bytef* input_of(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

bool has_zlib_frame(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  return (first & 0x0f) == Z_DEFLATED && (first * 256U + second) % 31 == 0;
}

// Too little memory is no damage.
void check_memory(int code) {
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
}

void start_inflate(z_stream& stream, int window_bits) {
  const int code = inflateInit2(&stream, window_bits);
  check_memory(code);
  CHECK(code == Z_OK);
}

// One piece through zlib. It counts in unsigned int: longer input is given in turns.
struct Turn {
  int code = Z_OK;
  std::size_t read = 0, written = 0;
};

Turn inflate_once(z_stream& stream, std::string_view packed, std::span<char> out) {
  const std::size_t size = std::min<std::size_t>(packed.size(), 1U << 30);
  const std::size_t room = std::min<std::size_t>(out.size(), 1U << 30);
  stream.next_in = input_of(packed);
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(room);
  Turn turn;
  turn.code = inflate(&stream, Z_NO_FLUSH);
  check_memory(turn.code);
  turn.read = size - stream.avail_in;
  turn.written = room - stream.avail_out;
  return turn;
}

}  // namespace

struct Gunzip::Stream {
  z_stream zlib = {};
  bool started = false;  // Some byte of the first member was read.
  bool inside = false;   // Within a member: its end is still to come.
  bool behind_first = false;
};

Gunzip::Gunzip() : stream_(std::make_unique<Stream>()) {
  start_inflate(stream_->zlib, kWindowBits + kGzipOnly);
}

Gunzip::~Gunzip() {
  inflateEnd(&stream_->zlib);
}

Result<Gunzip::Step> Gunzip::step(std::string_view packed, std::span<char> out) {
  Stream& stream = *stream_;
  if (packed.empty() && !stream.inside) return Step{};
  const bool at_border = !stream.inside;
  if (at_border && stream.behind_first && packed.front() != '\x1f') return more_behind();
  stream.started = stream.inside = true;
  const Turn turn = inflate_once(stream.zlib, packed, out);
  if (turn.code == Z_STREAM_END) {
    stream.inside = false;
    stream.behind_first = true;
    CHECK(inflateReset(&stream.zlib) == Z_OK);
  } else if (turn.code != Z_OK && turn.code != Z_BUF_ERROR) {
    return damaged(stream.zlib);
  }
  return Step{turn.read, turn.written};
}

Status Gunzip::finish() const {
  if (!stream_->started) {
    return Error{ErrorCode::InvalidArgument, "the compressed data is empty"};
  }
  if (stream_->inside) return cut_off();
  return Ok{};
}

namespace {

// Room for output that grows up to one byte more than allowed: that byte shows that it is too much.
class CappedOutput {
 public:
  explicit CappedOutput(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  std::span<char> room() {
    bytes_.resize(used_ + std::min(std::max(kPiece, used_), bytes_max_ + 1 - used_));
    return std::span<char>(bytes_).subspan(used_);
  }
  Status take(std::size_t written) {
    used_ += written;
    if (used_ <= bytes_max_) return Ok{};
    return Error{ErrorCode::TooLarge, "the compressed data unpacks to more than " +
                                          std::to_string(bytes_max_) + " bytes"};
  }
  std::string done() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  std::size_t bytes_max_;
  std::string bytes_;
  std::size_t used_ = 0;
};

Result<std::string> unpack_gzip(std::string_view packed, std::size_t bytes_max) {
  Gunzip gunzip;
  CappedOutput output(bytes_max);
  while (true) {
    TRY_ASSIGN(const Gunzip::Step step, gunzip.step(packed, output.room()));
    TRY(output.take(step.written));
    packed.remove_prefix(step.read);
    if (step.read == 0 && step.written == 0) break;
  }
  TRY(gunzip.finish());
  return output.done();
}

Result<std::string> unpack_deflate(std::string_view packed, std::size_t bytes_max) {
  if (packed.empty()) return Error{ErrorCode::InvalidArgument, "the compressed data is empty"};
  z_stream stream = {};
  start_inflate(stream, has_zlib_frame(packed) ? kWindowBits : -kWindowBits);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  CappedOutput output(bytes_max);
  while (true) {
    const Turn turn = inflate_once(stream, packed, output.room());
    if (turn.code != Z_OK && turn.code != Z_BUF_ERROR && turn.code != Z_STREAM_END) {
      return damaged(stream);
    }
    TRY(output.take(turn.written));
    packed.remove_prefix(turn.read);
    if (turn.code == Z_STREAM_END) break;
    if (turn.read == 0 && turn.written == 0) return cut_off();
  }
  if (!packed.empty()) return more_behind();
  return output.done();
}

}  // namespace

Result<std::string> unpack(Packing packing, std::string_view packed, std::size_t bytes_max) {
  return packing == Packing::Gzip ? unpack_gzip(packed, bytes_max)
                                  : unpack_deflate(packed, bytes_max);
}

struct GzipWriter::Stream {
  z_stream zlib = {};
};

GzipWriter::GzipWriter(int level) : stream_(std::make_unique<Stream>()) {
  CHECK(level >= 1 && level <= 9);
  constexpr int kMemoryLevel = 8;  // zlib's default.
  CHECK(deflateInit2(&stream_->zlib, level, Z_DEFLATED, kWindowBits + kGzipOnly, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
}

GzipWriter::~GzipWriter() {
  deflateEnd(&stream_->zlib);
}

void GzipWriter::run(std::string_view bytes, int flush, std::string& out) {
  z_stream& zlib = stream_->zlib;
  CHECK(bytes.size() <= 1U << 30);
  zlib.next_in = input_of(bytes);
  zlib.avail_in = static_cast<uInt>(bytes.size());
  int code = Z_OK;
  do {
    const std::size_t used = out.size();
    out.resize(used + kPiece);
    zlib.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    zlib.avail_out = kPiece;
    code = deflate(&zlib, flush);
    CHECK(code != Z_STREAM_ERROR);
    out.resize(used + kPiece - zlib.avail_out);
  } while (zlib.avail_out == 0);
}

void GzipWriter::add(std::string_view bytes, std::string& out) {
  run(bytes, Z_NO_FLUSH, out);
}
void GzipWriter::finish(std::string& out) {
  run({}, Z_FINISH, out);
}

std::string gzip(std::string_view bytes, int level) {
  GzipWriter writer(level);
  std::string out;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 1U << 24);
    writer.add(piece, out);
    bytes.remove_prefix(piece.size());
  }
  writer.finish(out);
  return out;
}

}  // namespace muster::loader
