#include "storage/watermark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

namespace muster::storage {
namespace {

constexpr std::size_t kSlotBytes = 16;
constexpr std::size_t kSlotDistance = 4'096;  // No sector of today's disks is larger.
constexpr int kSlots = 2;
constexpr std::size_t kFileBytes = kSlotDistance * kSlots;

std::string slot_of(std::uint64_t number) {
  std::string slot;
  ByteWriter out(slot);
  out.u64(number);
  out.u32(crc32c(slot));
  out.u32(0);
  return slot;
}

std::optional<std::uint64_t> number_of(std::string_view slot) {
  const std::uint64_t number = ByteReader(slot).u64();
  if (slot != slot_of(number)) return std::nullopt;
  return number;
}

struct Content {
  std::uint64_t number = 0;
  int next_slot = 0;  // The one that does not hold the number.
};

Result<Content> content_of(const std::filesystem::path& file) {
  auto bytes = read_small_file(file);
  if (!bytes && bytes.error().code == ErrorCode::NotFound) {
    return Error{ErrorCode::Corrupt, file.string() + " is missing: without it nobody can tell "
                                                     "whether the log beside it is whole"};
  }
  if (!bytes) return std::move(bytes.error());
  if (bytes->size() != kFileBytes) {
    return Error{ErrorCode::Corrupt, file.string() + " is damaged: it has " +
                                         std::to_string(bytes->size()) + " bytes instead of " +
                                         std::to_string(kFileBytes)};
  }
  std::optional<std::uint64_t> numbers[kSlots];
  for (std::size_t i = 0; i < kSlots; ++i) {
    numbers[i] = number_of(std::string_view(*bytes).substr(i * kSlotDistance, kSlotBytes));
  }
  if (!numbers[0] && !numbers[1]) {
    return Error{ErrorCode::Corrupt,
                 file.string() + " is damaged: neither of its two slots has a right checksum"};
  }
  const bool second_holds = !numbers[0] || (numbers[1] && *numbers[1] > *numbers[0]);
  return second_holds ? Content{*numbers[1], 0} : Content{*numbers[0], 1};
}

}  // namespace

Status Watermark::create(const std::filesystem::path& file) {
  std::string content(kFileBytes, '\0');
  content.replace(0, kSlotBytes, slot_of(0));
  content.replace(kSlotDistance, kSlotBytes, slot_of(0));
  return write_small_file(file, content);
}

Result<std::uint64_t> Watermark::read(const std::filesystem::path& file) {
  TRY_ASSIGN(const Content content, content_of(file));
  return content.number;
}

Result<Watermark> Watermark::open(const std::filesystem::path& file) {
  TRY_ASSIGN(const Content content, content_of(file));
  TRY_ASSIGN(Descriptor descriptor, open_file(file, O_WRONLY));
  return Watermark(std::move(descriptor), file, content.number, content.next_slot);
}

Status Watermark::write(std::uint64_t number) {
  CHECK(number >= number_);
  const std::string slot = slot_of(number);
  const auto offset = static_cast<off_t>(kSlotDistance) * next_slot_;
  const ssize_t written = ::pwrite(descriptor_.get(), slot.data(), slot.size(), offset);
  if (written != static_cast<ssize_t>(slot.size())) {
    return file_error("write", file_, written < 0 ? errno : EIO);
  }
  if (::fdatasync(descriptor_.get()) != 0) return file_error("sync", file_, errno);
  number_ = number;
  next_slot_ = 1 - next_slot_;
  return Ok{};
}

}  // namespace muster::storage
