// Key slots under another data key, and copies of them.
#include <fcntl.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "storage/key_slots_parts.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

}  // namespace

// Reads slots, and seals them anew.
Result<std::string> KeySlots::sealed_again(std::uint64_t first, std::uint64_t count,
                                           GcmContext& before, GcmContext& after) const {
  TRY_ASSIGN(const std::string bytes,
             read_bytes(file_.get(), path_, place_of(first), count * kSlotBytes));
  if (bytes.size() != count * kSlotBytes) return damaged(first, "cannot be read");
  std::string again, key;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view slot = std::string_view(bytes).substr(i * kSlotBytes, kSlotBytes);
    const std::uint32_t state = state_of(slot);
    const bool opened =
        is_whole(slot) && before.open(slot.substr(8, kGcmNonceBytes),
                                      slot.substr(8 + kGcmNonceBytes),
                                      context_of(first + i, state), key);
    if (!opened) return damaged(first + i, "cannot be opened");
    again += sealed_slot(after, first + i, state, key);
  }
  return again;
}

Status KeySlots::rewrap(const Keyring& keys, const Rest& rest) {
  {
    const std::unique_lock held(mutex_);
    if (failure_) return *failure_;
    CHECK(!changed_);
    changed_.emplace();
  }
  const fs::path beside = path_.string() + ".new";
  Status done = Ok{};
  {
    Rewrapped next{beside, {}, secret_bytes(kAesKeyBytes), {}};
    done = copy_beside(keys, rest, next);
    const std::unique_lock held(mutex_);
    if (done) done = take_copy(std::move(next));
    changed_.reset();
  }
  if (!done) ::unlink(beside.c_str());
  return done;
}

// All but what is changed meanwhile, a piece at a time, so that nobody waits for long.
Status KeySlots::copy_beside(const Keyring& keys, const Rest& rest, Rewrapped& next) const {
  TRY_ASSIGN(next.wrapped, keys.wrap(next.file_key + tag_key_, id_));
  GcmContext before(file_key_), after(next.file_key);
  ::unlink(next.path.c_str());
  TRY(check_room(path_.parent_path(), size() * kSlotBytes, "keys that are sealed anew"));
  TRY_ASSIGN(next.file, open_file(next.path, O_RDWR | O_CREAT | O_EXCL));
  for (;;) {
    std::string again;
    {
      const std::shared_lock held(mutex_);
      const std::uint64_t count = std::min(kSlotsAtOnce, size_ - next.copied);
      if (count == 0) break;
      TRY_ASSIGN(again, sealed_again(next.copied, count, before, after));
    }
    TRY(write_bytes(next.file.get(), next.path, place_of(next.copied), again));
    next.copied += again.size() / kSlotBytes;
    if (rest) TRY(rest());
  }
  return ::fdatasync(next.file.get()) == 0 ? Status(Ok{})
                                           : Status(file_error("sync", next.path, errno));
}

// Puts the copy in the file's place, with what was changed meanwhile.
Status KeySlots::take_copy(Rewrapped next) {
  GcmContext before(file_key_), after(next.file_key);
  std::set<std::uint64_t> late = *changed_;
  for (std::uint64_t slot = next.copied; slot < size_; ++slot) late.insert(slot);
  for (const std::uint64_t slot : late) {
    TRY_ASSIGN(const std::string again, sealed_again(slot, 1, before, after));
    TRY(write_bytes(next.file.get(), next.path, place_of(slot), again));
  }
  const Head head{generation_ + 1, size_, erasures_.value_or(kNever), id_, next.wrapped};
  std::string heads(kHeadsBytes, '\0');
  heads.replace(head.generation % 2 == 1 ? 0 : kHeadsBytes / 2, kHeadBytes, head.bytes(use_));
  TRY(write_bytes(next.file.get(), next.path, 0, heads));
  if (::fsync(next.file.get()) != 0) return file_error("sync", next.path, errno);
  if (::rename(next.path.c_str(), path_.c_str()) != 0) {
    return file_error("replace", path_, errno);
  }
  const Descriptor old = std::exchange(file_, std::move(next.file));
  file_key_ = next.file_key;
  wrapped_ = std::move(next.wrapped);
  ++generation_;
  if (const Status synced = sync_directory(path_.parent_path()); !synced) {
    // A power cut may bring the old file back: nothing may be acknowledged on this one.
    failure_ = synced.error();
    return synced;
  }
  // What the freed blocks hold is to be opened by nobody.
  TRY(write_bytes(old.get(), path_, 0, std::string(kHeadsBytes, '\0')));
  return sync(old.get(), path_);
}

Result<std::optional<std::uint32_t>> data_key_of_slots(const fs::path& file) {
  const auto opened = open_file(file, O_RDONLY);
  if (!opened && opened.error().code == ErrorCode::NotFound) return std::optional<std::uint32_t>();
  if (!opened) return opened.error();
  TRY_ASSIGN(const std::string bytes, read_bytes(opened->get(), file, 0, kHeadsBytes));
  return KeySlots::data_key_of(bytes);
}

Result<bool> carry_key_slots(const fs::path& from, const fs::path& to, SlotUse use,
                             const Keyring& keys) {
  std::error_code failed;
  if (!fs::exists(from, failed)) return fs::exists(to, failed);
  TRY_ASSIGN(const auto given, KeySlots::open_states(from, use));
  if (fs::exists(to, failed)) {
    // Wrapped, maybe, with a data key that nobody has here any more.
    TRY_ASSIGN(const auto there, KeySlots::open_states(to, use));
    const auto has_more = [](const KeySlots& one, const KeySlots& other) {
      const auto destroyed = one.destroyed();
      return std::any_of(destroyed.begin(), destroyed.end(), [&](std::uint64_t slot) {
        return one.state(slot) > other.state(slot);
      });
    };
    const bool is_of_these = given->id() == there->id();
    if (!is_of_these || (has_more(*there, *given) && has_more(*given, *there))) {
      return Error{ErrorCode::InvalidArgument,
                   to.string() + " is there already, and is of other data: it has destroyed keys "
                                 "that " + from.string() + " has"};
    }
    if (has_more(*there, *given)) return true;
  }
  for (int tries = 1;; ++tries) {
    TRY(copy_large_file(from, to));
    // What was read beside a server that went on writing, or sealed it anew just then.
    const auto whole = KeySlots::open(to, use, keys, LogAccess::ReadOnly);
    if (whole) return true;
    if (tries == kCarriesMax) return whole.error();
  }
}

}  // namespace muster::storage
