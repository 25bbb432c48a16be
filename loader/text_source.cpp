#include "loader/text_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace muster::loader {
namespace {

constexpr std::size_t kPieceBytes = 256U << 10;  // Read from disk at once.

}  // namespace

Result<std::unique_ptr<TextSource>> TextSource::open(const std::filesystem::path& path) {
  std::unique_ptr<TextSource> source(new TextSource());
  source->name_ = path.string();
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (status.type() == std::filesystem::file_type::not_found) {
    return Error{ErrorCode::NotFound, "there is no file '" + source->name_ + "'"};
  }
  if (std::filesystem::is_directory(status)) {
    return Error{ErrorCode::InvalidArgument,
                 "'" + source->name_ + "' is a folder; name the file in it"};
  }
  source->file_.open(path, std::ios::binary);
  if (!source->file_) {
    return Error{ErrorCode::InvalidArgument,
                 "the file '" + source->name_ + "' cannot be read: " + std::strerror(errno)};
  }
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  source->bytes_total_ = code ? 0 : size;
  TRY(source->fill());
  const bool packed = is_gzip(source->piece_);
  if (packed) source->gunzip_ = std::make_unique<Gunzip>();
  if (!packed && path.extension() == ".gz" && !source->piece_.empty()) {
    return Error{ErrorCode::InvalidArgument,
                 "the file '" + source->name_ + "' is named .gz but is not gzip"};
  }
  return source;
}

Status TextSource::fill() {
  piece_.resize(kPieceBytes);
  used_ = 0;
  file_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
  if (file_.bad()) {
    return Error{ErrorCode::InvalidArgument, "the file '" + name_ + "' cannot be read to its end"};
  }
  piece_.resize(static_cast<std::size_t>(file_.gcount()));
  bytes_read_ += piece_.size();
  file_ended_ = piece_.empty();
  return Ok{};
}

Error TextSource::in_file(const Error& error) const {
  return {error.code, "in the file '" + name_ + "' " + error.message};
}

Status TextSource::unpack_some(std::size_t size, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + size);
  const std::string_view packed = std::string_view(piece_).substr(used_);
  auto step = gunzip_->step(packed, std::span<char>(out).subspan(before));
  out.resize(before + (step ? step->written : 0));
  if (!step) return in_file(step.error());
  used_ += step->read;
  return Ok{};
}

Status TextSource::read(std::size_t size, std::string& out) {
  const std::size_t wanted = out.size() + size;
  while (out.size() < wanted && !at_end_) {
    const std::size_t before = out.size(), used = used_;
    if (gunzip_) {
      TRY(unpack_some(wanted - before, out));
    } else {
      const std::size_t part = std::min(wanted - before, piece_.size() - used_);
      out.append(piece_, used_, part);
      used_ += part;
    }
    if (out.size() > before || used_ > used) continue;
    if (!file_ended_) TRY(fill());
    if (!file_ended_) continue;
    at_end_ = true;
    if (gunzip_) {
      if (const Status ended = gunzip_->finish(); !ended) return in_file(ended.error());
    }
  }
  return Ok{};
}

}  // namespace muster::loader
