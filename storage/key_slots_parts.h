// What a file of key slots is made of, for key_slots.cpp and rewrap_key_slots.cpp alone.
//
// storage/format.md has every byte.
#pragma once

#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/hash.h"
#include "storage/key_slots.h"

namespace muster::storage {

// Disk values: described in storage/format.md.
inline constexpr std::string_view kMagic = "MUSTKEYS";
inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::size_t kIdBytes = 16;
inline constexpr std::size_t kTagKeyBytes = 16;
inline constexpr std::size_t kSecretBytes = kAesKeyBytes + kTagKeyBytes;
inline constexpr std::size_t kHeadBytes = 256;      // Of a copy.
inline constexpr std::size_t kHeadsBytes = 8'192;   // Two copies, at 0 and 4,096.
inline constexpr std::uint64_t kNever = ~0ULL;      // Erasures, before the first.
// Slots made at once: of people 256 KiB; of batches few, for each process begins with new ones.
inline constexpr std::uint64_t kPeopleAtOnce = 4'096, kBatchesAtOnce = 256;
inline constexpr std::uint64_t kSlotsAtOnce = 16'384;
inline constexpr std::uint64_t kSlotsPerPage = 64;
inline constexpr int kCarriesMax = 3;

inline std::uint64_t place_of(std::uint64_t slot) { return kHeadsBytes + slot * kSlotBytes; }

inline Result<std::string> read_bytes(int file, const std::filesystem::path& path,
                                      std::uint64_t at, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file, bytes.data() + done, size - done,
                                static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

inline Status write_bytes(int file, const std::filesystem::path& path, std::uint64_t at,
                          std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return file_error("write", path, errno);
    at += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return Ok{};
}

inline Status sync(int file, const std::filesystem::path& path) {
  return ::fdatasync(file) == 0 ? Status(Ok{}) : Status(file_error("sync", path, errno));
}

inline constexpr const char* kPutBack = "; put the newest copy of it back";

// Whether the slot's bytes fit their checksum.
inline bool is_whole(std::string_view slot) {
  ByteReader in(slot);
  return in.u32() == crc32c(slot.substr(4));
}

inline std::uint32_t state_of(std::string_view slot) { return ByteReader(slot.substr(4)).u32(); }

// A copy of the head.
struct KeySlots::Head {
  std::uint64_t generation = 0, size = 0, erasures = kNever;
  std::string id;
  WrappedSecret wrapped;

  std::string bytes(SlotUse use) const {
    std::string all(kMagic);
    ByteWriter out(all);
    out.u32(kFormat);
    out.u32(static_cast<std::uint32_t>(use));
    out.u64(generation);
    out.u64(size);
    out.u64(erasures);
    all += id;
    out.u32(wrapped.key);
    all += wrapped.sealed;
    all.resize(kHeadBytes - 4, '\0');
    out.u32(crc32c(all));
    return all;
  }
  // Nothing where it does not count.  Errors: Unsupported.
  static Result<std::optional<Head>> read(std::string_view bytes, SlotUse use) {
    if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) return std::optional<Head>();
    bytes = bytes.substr(0, kHeadBytes);
    if (ByteReader(bytes.substr(kHeadBytes - 4)).u32() != crc32c(bytes.substr(0, kHeadBytes - 4))) {
      return std::optional<Head>();
    }
    ByteReader in(bytes.substr(kMagic.size()));
    if (const std::uint32_t format = in.u32(); format != kFormat) {
      return Error{ErrorCode::Unsupported, "has format " + std::to_string(format) +
                                               ", made by a newer version of Muster: start that "
                                               "one"};
    }
    if (in.u32() != static_cast<std::uint32_t>(use)) return std::optional<Head>();
    Head head;
    head.generation = in.u64();
    head.size = in.u64();
    head.erasures = in.u64();
    const std::size_t at = kMagic.size() + in.offset();
    head.id = bytes.substr(at, kIdBytes);
    head.wrapped.key = ByteReader(bytes.substr(at + kIdBytes)).u32();
    head.wrapped.sealed = bytes.substr(at + kIdBytes + 4, kSecretBytes + kWrapBytes);
    return std::optional(std::move(head));
  }
};

}  // namespace muster::storage
