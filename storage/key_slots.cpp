#include "storage/key_slots.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "storage/key_slots_parts.h"

namespace muster::storage {

namespace fs = std::filesystem;

// Of the newest copy, whatever the slots are for.
std::optional<std::uint32_t> KeySlots::data_key_of(std::string_view heads) {
  std::optional<Head> newest;
  for (const SlotUse use : {SlotUse::People, SlotUse::Batches}) {
    for (const std::size_t at : {std::size_t{0}, kHeadsBytes / 2}) {
      if (at >= heads.size()) continue;
      auto head = Head::read(heads.substr(at), use);
      if (!head || !*head) continue;
      if (!newest || (*head)->generation > newest->generation) newest = std::move(*head);
    }
  }
  return newest ? std::optional(newest->wrapped.key) : std::nullopt;
}

Error KeySlots::damaged(std::uint64_t slot, const std::string& what) const {
  return {ErrorCode::Corrupt, path_.string() + " is damaged: slot " + std::to_string(slot) + " " +
                                  what + kPutBack};
}

std::string KeySlots::context_of(std::uint64_t slot, std::uint32_t state) const {
  std::string context = id_;
  ByteWriter out(context);
  out.u64(slot);
  out.u32(state);
  return context;
}

// checksum: u32 | state: u32 | nonce: 12 | key, sealed: 32 | tag: 12
std::string KeySlots::sealed_slot(GcmContext& cipher, std::uint64_t slot, std::uint32_t state,
                                  std::string_view key) const {
  std::string body;
  ByteWriter(body).u32(state);
  const std::string nonce = secret_bytes(kGcmNonceBytes);
  body += nonce;
  body += cipher.seal(nonce, key, context_of(slot, state));
  std::string bytes;
  ByteWriter(bytes).u32(crc32c(body));
  bytes += body;
  CHECK(bytes.size() == kSlotBytes);
  return bytes;
}

Status KeySlots::make(const fs::path& file, SlotUse use, const Keyring& keys) {
  std::error_code failed;
  if (fs::exists(file, failed)) return Ok{};
  Head head;
  head.generation = 1;
  head.id = secret_bytes(kIdBytes);
  TRY_ASSIGN(head.wrapped, keys.wrap(secret_bytes(kSecretBytes), head.id));
  std::string bytes = head.bytes(use);
  bytes.resize(kHeadsBytes, '\0');
  return write_small_file(file, bytes);
}

Result<std::unique_ptr<KeySlots>> KeySlots::open(const fs::path& file, SlotUse use,
                                                 const Keyring& keys, LogAccess access) {
  // What a crash left of one that was sealed anew: its keys would outlive erasures.
  if (access == LogAccess::ReadWrite) ::unlink((file.string() + ".new").c_str());
  return open_with(file, use, &keys, access);
}

Result<std::unique_ptr<KeySlots>> KeySlots::open_states(const fs::path& file, SlotUse use) {
  return open_with(file, use, nullptr, LogAccess::ReadOnly);
}

Result<std::unique_ptr<KeySlots>> KeySlots::open_with(const fs::path& file, SlotUse use,
                                                      const Keyring* keys, LogAccess access) {
  std::unique_ptr<KeySlots> slots(new KeySlots(file, use));
  slots->is_read_only_ = access == LogAccess::ReadOnly;
  auto opened = open_file(file, access == LogAccess::ReadWrite ? O_RDWR : O_RDONLY);
  if (!opened && opened.error().code == ErrorCode::NotFound) {
    return Error{ErrorCode::Corrupt,
                 file.string() + " is missing, and with it the keys of what these data hold" +
                     kPutBack};
  }
  if (!opened) return std::move(opened.error());
  slots->file_ = std::move(*opened);
  TRY(slots->load(keys));
  TRY(slots->load_states());
  return slots;
}

Result<KeySlots::Head> KeySlots::newest_head() const {
  TRY_ASSIGN(const std::string bytes, read_bytes(file_.get(), path_, 0, kHeadsBytes));
  std::optional<Head> newest;
  for (const std::size_t at : {std::size_t{0}, kHeadsBytes / 2}) {
    if (bytes.size() != kHeadsBytes) break;
    auto head = Head::read(std::string_view(bytes).substr(at), use_);
    if (!head) return Error{head.error().code, path_.string() + " " + head.error().message};
    if (*head && (!newest || (*head)->generation > newest->generation)) newest = std::move(*head);
  }
  if (!newest) {
    return Error{ErrorCode::Corrupt,
                 path_.string() + " is damaged: its head cannot be read" + kPutBack};
  }
  if (newest->size > kSlotsMax) {
    return Error{ErrorCode::Corrupt, path_.string() + " is damaged: its head makes no sense"};
  }
  return std::move(*newest);
}

Status KeySlots::look_again() const {
  const std::unique_lock held(mutex_);
  if (!is_read_only_) return Ok{};
  const auto head = newest_head();
  // Whoever seals a file anew writes over the heads of the one before.
  if (!head && head.error().code == ErrorCode::Corrupt) {
    return Error{ErrorCode::Unavailable,
                 path_.string() + " was sealed anew by a server meanwhile: ask once more"};
  }
  if (!head) return head.error();
  size_ = std::max(size_, head->size);
  generation_ = std::max(generation_, head->generation);
  return Ok{};
}

Status KeySlots::load(const Keyring* keys) {
  TRY_ASSIGN(const Head newest, newest_head());
  id_ = newest.id;
  wrapped_ = newest.wrapped;
  if (keys != nullptr) {
    const auto secret = keys->unwrap(newest.wrapped, newest.id);
    if (!secret) return Error{secret.error().code, path_.string() + ": " + secret.error().message};
    if (secret->size() != kSecretBytes) {
      return Error{ErrorCode::Corrupt, path_.string() + " is damaged: its key makes no sense"};
    }
    file_key_ = secret->substr(0, kAesKeyBytes);
    tag_key_ = secret->substr(kAesKeyBytes);
  }
  size_ = newest.size;
  generation_ = newest.generation;
  if (newest.erasures != kNever) erasures_ = newest.erasures;
  return Ok{};
}

Status KeySlots::load_states() {
  for (std::uint64_t first = 0; first < size_; first += kSlotsAtOnce) {
    const std::uint64_t count = std::min(kSlotsAtOnce, size_ - first);
    TRY_ASSIGN(const std::string bytes,
               read_bytes(file_.get(), path_, place_of(first), count * kSlotBytes));
    if (bytes.size() != count * kSlotBytes) {
      return damaged(first + bytes.size() / kSlotBytes, "is missing: the file is cut");
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view slot = std::string_view(bytes).substr(i * kSlotBytes, kSlotBytes);
      if (!is_whole(slot)) return damaged(first + i, "does not fit its checksum");
      if (const std::uint32_t state = state_of(slot); state != 0) note_state(first + i, state);
    }
  }
  return Ok{};
}

// Into the copy that does not count; the caller syncs.
Status KeySlots::write_head() {
  Head head;
  head.generation = ++generation_;
  head.size = size_;
  head.erasures = erasures_.value_or(kNever);
  head.id = id_;
  head.wrapped = wrapped_;
  const std::uint64_t at = generation_ % 2 == 1 ? 0 : kHeadsBytes / 2;
  return write_bytes(file_.get(), path_, at, head.bytes(use_));
}

Status KeySlots::write_slots(std::uint64_t first, std::string_view bytes) const {
  return write_bytes(file_.get(), path_, place_of(first), bytes);
}

std::uint64_t KeySlots::size() const {
  const std::shared_lock held(mutex_);
  return size_;
}

Status KeySlots::grow(std::uint64_t size) {
  const std::unique_lock held(mutex_);
  return grow_held(size);
}

// The slots first, and synced: a head never says more than there is.
Status KeySlots::grow_held(std::uint64_t size) {
  if (size <= size_) return Ok{};
  if (failure_) return *failure_;
  if (size > kSlotsMax) {
    return Error{ErrorCode::LimitExceeded, path_.string() + " has no room for more keys"};
  }
  const std::uint64_t step = use_ == SlotUse::People ? kPeopleAtOnce : kBatchesAtOnce;
  const std::uint64_t end = (size + step - 1) / step * step;
  GcmContext cipher(file_key_);
  for (std::uint64_t first = size_; first < end;) {
    std::string bytes;
    const std::uint64_t last = std::min(end, first + kSlotsAtOnce);
    for (std::uint64_t slot = first; slot < last; ++slot) {
      bytes += sealed_slot(cipher, slot, 0, secret_bytes(kAesKeyBytes));
    }
    TRY(write_slots(first, bytes));
    first = last;
  }
  TRY(sync(file_.get(), path_));
  size_ = end;
  TRY(write_head());
  return sync(file_.get(), path_);
}

// In place: 64 bytes that no boundary of a sector cuts.
Status KeySlots::overwrite(std::uint64_t slot, std::uint32_t state) {
  GcmContext cipher(file_key_);
  const std::string key =
      state % 2 == 1 ? std::string(kAesKeyBytes, '\0') : secret_bytes(kAesKeyBytes);
  TRY(write_slots(slot, sealed_slot(cipher, slot, state, key)));
  if (changed_) changed_->insert(slot);
  note_state(slot, state);
  return Ok{};
}

Status KeySlots::destroy(std::span<const std::uint64_t> slots, std::uint64_t erasures) {
  const std::unique_lock held(mutex_);
  if (failure_) return *failure_;
  for (const std::uint64_t slot : slots) {
    TRY(grow_held(slot + 1));
    const std::uint32_t state = state_held(slot);
    if (state % 2 == 0) TRY(overwrite(slot, state + 1));
  }
  erasures_ = std::max(erasures_.value_or(0), erasures);
  TRY(write_head());
  return sync(file_.get(), path_);
}

Status KeySlots::renew(std::span<const std::uint64_t> slots) {
  const std::unique_lock held(mutex_);
  if (failure_) return *failure_;
  for (const std::uint64_t slot : slots) {
    const std::uint32_t state = state_held(slot);
    if (state % 2 == 1) TRY(overwrite(slot, state + 1));
  }
  TRY(write_head());
  return sync(file_.get(), path_);
}

std::uint32_t KeySlots::state(std::uint64_t slot) const {
  const std::shared_lock held(mutex_);
  return state_held(slot);
}

std::uint32_t KeySlots::state_held(std::uint64_t slot) const {
  if (const auto known = states_.find(slot); known != states_.end()) return known->second;
  if (slot / 64 >= destroyed_.size()) return 0;
  return ((destroyed_[slot / 64] >> (slot % 64)) & 1) != 0 ? 1 : 0;
}

void KeySlots::note_state(std::uint64_t slot, std::uint32_t state) {
  if (slot / 64 >= destroyed_.size()) destroyed_.resize(slot / 64 + 1);
  const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
  if (state % 2 == 1) destroyed_[slot / 64] |= bit;
  else destroyed_[slot / 64] &= ~bit;
  if (state > 1) states_[slot] = state;
}

std::vector<std::uint64_t> KeySlots::destroyed(std::uint64_t first) const {
  const std::shared_lock held(mutex_);
  std::vector<std::uint64_t> slots;
  for (std::uint64_t word = first / 64; word < destroyed_.size(); ++word) {
    for (std::uint64_t bits = destroyed_[word]; bits != 0; bits &= bits - 1) {
      const std::uint64_t slot = word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
      if (slot >= first) slots.push_back(slot);
    }
  }
  return slots;
}

std::uint64_t KeySlots::destroyed_count() const { return destroyed().size(); }

std::optional<std::uint64_t> KeySlots::erasures() const {
  const std::shared_lock held(mutex_);
  return erasures_;
}

std::uint64_t KeySlots::generation() const {
  const std::shared_lock held(mutex_);
  return generation_;
}

std::uint32_t KeySlots::wrapped_with() const {
  const std::shared_lock held(mutex_);
  return wrapped_.key;
}

Result<KeySlots::Slot> KeySlots::Reader::read(std::uint64_t slot) {
  if (slot >= slots_.size()) TRY(slots_.look_again());
  const std::shared_lock held(slots_.mutex_);
  if (slot >= slots_.size_) return slots_.damaged(slot, "is missing: the file ends before it");
  const bool is_here = !page_.empty() && generation_ == slots_.generation_ &&
                       slot >= page_first_ && slot - page_first_ < page_.size() / kSlotBytes;
  if (!is_here) {
    if (!cipher_ || generation_ != slots_.generation_) cipher_.emplace(slots_.file_key_);
    generation_ = slots_.generation_;
    page_first_ = slot / kSlotsPerPage * kSlotsPerPage;
    const std::uint64_t count = std::min(kSlotsPerPage, slots_.size_ - page_first_);
    TRY_ASSIGN(page_, read_bytes(slots_.file_.get(), slots_.path_, place_of(page_first_),
                                 count * kSlotBytes));
    if (page_.size() != count * kSlotBytes) return slots_.damaged(slot, "cannot be read");
  }
  const std::string_view bytes =
      std::string_view(page_).substr((slot - page_first_) * kSlotBytes, kSlotBytes);
  if (!is_whole(bytes)) return slots_.damaged(slot, "does not fit its checksum");
  Slot read{state_of(bytes), {}};
  std::string key;
  const bool opened =
      cipher_->open(bytes.substr(8, kGcmNonceBytes), bytes.substr(8 + kGcmNonceBytes),
                    slots_.context_of(slot, read.state), key);
  if (!opened) return slots_.damaged(slot, "was not sealed for this place");
  if (read.state % 2 == 0) read.key = std::move(key);
  return read;
}

Status KeySlots::check() const {
  Reader reader(*this);
  const std::uint64_t size = this->size();
  for (std::uint64_t slot = 0; slot < size; ++slot) TRY(reader.read(slot));
  return Ok{};
}

}  // namespace muster::storage
