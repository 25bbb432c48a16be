#include "storage/sealed_record.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/crypto.h"
#include "base/hash.h"

namespace muster::storage {
namespace {

// Disk values: a record's head, described in storage/format.md.
constexpr std::size_t kChecksumBytes = 4, kKindAt = 5, kKeyAt = 6, kBodyAt = 18;
constexpr char kBatch = 1, kPartialBatch = 9, kDerivedBatch = 20;

// A key seals one record, so one nonce is enough.
const std::string& nonce() {
  static const std::string kNonce(kGcmNonceBytes, '\0');
  return kNonce;
}

// From behind the checksum to the body, with this key id.
std::string head_of(std::string_view record, std::uint32_t key) {
  std::string head(record.substr(kChecksumBytes, kKeyAt - kChecksumBytes));
  ByteWriter(head).u32(key);
  head += record.substr(kKeyAt + 4, kBodyAt - kKeyAt - 4);
  return head;
}

std::string with_checksum(std::string_view head, std::string_view body) {
  std::string record;
  record.reserve(kChecksumBytes + head.size() + body.size());
  ByteWriter(record).u32(crc32c(body, crc32c(head)));
  record += head;
  record += body;
  return record;
}

std::uint32_t key_of(std::string_view record) {
  return ByteReader(record.substr(kKeyAt)).u32();
}

}  // namespace

bool is_to_be_sealed(std::string_view record) {
  if (record.size() <= kBodyAt || key_of(record) != 0) return false;
  const char kind = record[kKindAt];
  return kind == kBatch || kind == kPartialBatch || kind == kDerivedBatch;
}

std::optional<std::uint64_t> slot_of_record(std::string_view record) {
  if (record.size() <= kBodyAt || key_of(record) == 0) return std::nullopt;
  return std::uint64_t{key_of(record)} - 1;
}

std::string seal_record(std::string_view record, std::uint64_t slot, std::string_view key) {
  CHECK(is_to_be_sealed(record) && slot < 0xffff'ffff);
  const std::string head = head_of(record, static_cast<std::uint32_t>(slot + 1));
  return with_checksum(head, GcmContext(key).seal(nonce(), record.substr(kBodyAt), head));
}

Result<std::string> open_record(std::string_view record, KeySlots::Reader& keys) {
  const auto slot = slot_of_record(record);
  const bool is_whole =
      slot && ByteReader(record).u32() == crc32c(record.substr(kChecksumBytes));
  if (!is_whole) return std::string(record);
  TRY_ASSIGN(const KeySlots::Slot read, keys.read(*slot));
  if (!read.key) {
    return Error{ErrorCode::Corrupt,
                 "its key, in slot " + std::to_string(*slot) + " of the batch keys, was destroyed"};
  }
  std::string body;
  const bool opened = GcmContext(*read.key).open(nonce(), record.substr(kBodyAt),
                                                 record.substr(kChecksumBytes,
                                                               kBodyAt - kChecksumBytes), body);
  if (!opened) {
    return Error{ErrorCode::Corrupt, "it was not sealed with the key in slot " +
                                         std::to_string(*slot) + " of the batch keys"};
  }
  return with_checksum(head_of(record, 0), body);
}

}  // namespace muster::storage
