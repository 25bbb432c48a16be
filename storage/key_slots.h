// A file of keys in slots of 64 bytes, by number: a key is destroyed by writing over its slot.
//
// DIR/person-keys has one for each ordinal, DIR/batch-keys one for each data batch written.
// Every slot is sealed (AES-256-GCM, a nonce in the slot) with a key of the file's own, which the
// keyring wraps; so the file alone tells nothing, and a slot is never another's. No database holds
// these keys: one that deletes leaves the bytes in its files. storage/format.md has every byte.
//
// A slot has a state that only grows: even, a key is there; odd, it was destroyed. A number whose
// key was destroyed may get another key when nobody has it yet: after an older backup was restored.
//
// Costs 64 bytes a slot on the disk; in memory a bit, and some 50 bytes for each that got another
// key.
// Thread safety: any thread; each Reader, one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto_contexts.h"
#include "base/result.h"
#include "storage/data_directory.h"
#include "storage/files.h"
#include "storage/keyring.h"

namespace muster::storage {

enum class SlotUse : std::uint32_t { People = 1, Batches = 2 };

inline constexpr std::size_t kSlotBytes = 64;
// Slots of one file: more than there can be ordinals.
inline constexpr std::uint64_t kSlotsMax = 0xffff'f000;

class KeySlots {
 public:
  // A slot as it is now; nothing in `key`: it was destroyed.
  struct Slot {
    std::uint32_t state = 0;
    std::optional<std::string> key;  // kAesKeyBytes.
  };

  // Makes an empty file where there is none.
  static Status make(const std::filesystem::path& file, SlotUse use, const Keyring& keys);
  // Every slot is held against its checksum.  Cost: one pass over the file.
  // Errors: NotFound; Corrupt, naming the file and the slot; Unsupported for a newer format.
  static Result<std::unique_ptr<KeySlots>> open(const std::filesystem::path& file, SlotUse use,
                                                const Keyring& keys, LogAccess access);
  // To be asked for states alone: no key can be read, and nothing is changed.
  static Result<std::unique_ptr<KeySlots>> open_states(const std::filesystem::path& file,
                                                       SlotUse use);

  // How many there are.
  std::uint64_t size() const;
  // Makes it at least so many, each with a key of its own, on the disk when this returns.
  // Errors: LimitExceeded above kSlotsMax; those of the file.
  Status grow(std::uint64_t size);
  // Writes over these keys, on disk when this returns; `erasures`: how many the suppression file
  // has by then, which the file keeps. Numbers beyond the end are made, and are destroyed at once.
  // Errors: those of the file; then nothing may be said of the keys.
  Status destroy(std::span<const std::uint64_t> slots, std::uint64_t erasures);
  // Gives these, which were destroyed, keys again.
  Status renew(std::span<const std::uint64_t> slots);

  // 0 for a key that was never destroyed, and for numbers beyond the end.
  std::uint32_t state(std::uint64_t slot) const;
  bool is_destroyed(std::uint64_t slot) const { return state(slot) % 2 == 1; }
  // Those from `first` on.
  std::vector<std::uint64_t> destroyed(std::uint64_t first = 0) const;
  std::uint64_t destroyed_count() const;
  // As destroy() was told last; nothing: it was never called.
  std::optional<std::uint64_t> erasures() const;

  // Reads keys, one thread's.
  class Reader {
   public:
    explicit Reader(const KeySlots& slots) : slots_(slots) {}
    // In a file that another process writes also those that were made meanwhile.
    // Errors: Corrupt, naming the file and the slot, which may also be beyond the end; Unavailable
    // when another process sealed the file anew meanwhile; those of the file.
    Result<Slot> read(std::uint64_t slot);

   private:
    const KeySlots& slots_;
    std::optional<GcmContext> cipher_;
    std::string page_;              // Of the file, as it was read last.
    std::uint64_t page_first_ = 0;  // The first slot on it.
    std::uint64_t generation_ = 0;  // Of the file when it was read.
  };

  // Opens every slot that has a key.
  // Errors: Corrupt, naming the slot.
  Status check() const;
  // Behind a piece of long work; an error ends it.
  using Rest = std::function<Status()>;
  // Seals all of it anew, under a file key that the newest data key of `keys` wraps; the keys in
  // the slots stay, and the old file cannot be opened any more. Others wait for a piece, and at the
  // end for what they changed meanwhile. A crash leaves one file or the other.  Requires that no
  // other one runs.
  Status rewrap(const Keyring& keys, const Rest& rest = {});
  // The same for ever, and in copies.
  const std::string& id() const { return id_; }
  // A secret of this file that never changes, for tags of its people.
  const std::string& tag_key() const { return tag_key_; }

  // Another number whenever a slot or the head was written.
  std::uint64_t generation() const;
  std::uint32_t wrapped_with() const;  // The number of the data key.
  const std::filesystem::path& path() const { return path_; }

  // The number of the data key that the first bytes of a file name; nothing: it has no slots.
  static std::optional<std::uint32_t> data_key_of(std::string_view heads);

 private:
  struct Head;
  KeySlots(std::filesystem::path path, SlotUse use) : path_(std::move(path)), use_(use) {}
  // A file that is to take this one's place.
  struct Rewrapped {
    std::filesystem::path path;
    Descriptor file;
    std::string file_key;
    WrappedSecret wrapped;
    std::uint64_t copied = 0;  // Slots.
  };
  static Result<std::unique_ptr<KeySlots>> open_with(const std::filesystem::path& file, SlotUse use,
                                                     const Keyring* keys, LogAccess access);
  // The newest copy of the head that counts.
  Result<Head> newest_head() const;
  // How many slots there are by now, where another process writes the file.
  // Errors: Unavailable when it was sealed anew meanwhile; those of the file.
  Status look_again() const;
  Status copy_beside(const Keyring& keys, const Rest& rest, Rewrapped& next) const;
  Status take_copy(Rewrapped next);
  Status load(const Keyring* keys);
  Status load_states();
  Status write_head();
  Status write_slots(std::uint64_t first, std::string_view bytes) const;
  Status grow_held(std::uint64_t size);
  Status overwrite(std::uint64_t slot, std::uint32_t state);
  std::uint32_t state_held(std::uint64_t slot) const;
  void note_state(std::uint64_t slot, std::uint32_t state);
  Result<std::string> sealed_again(std::uint64_t first, std::uint64_t count, GcmContext& before,
                                   GcmContext& after) const;
  Error damaged(std::uint64_t slot, const std::string& what) const;
  std::string sealed_slot(GcmContext& cipher, std::uint64_t slot, std::uint32_t state,
                          std::string_view key) const;
  std::string context_of(std::uint64_t slot, std::uint32_t state) const;

  const std::filesystem::path path_;
  const SlotUse use_;
  bool is_read_only_ = false;
  mutable std::shared_mutex mutex_;  // Guards all below.
  Descriptor file_;
  std::string id_, file_key_, tag_key_;
  WrappedSecret wrapped_;
  mutable std::uint64_t size_ = 0, generation_ = 0;  // Mutable for look_again().
  std::optional<std::uint64_t> erasures_;
  std::vector<std::uint64_t> destroyed_;           // A bit for each slot.
  std::map<std::uint64_t, std::uint32_t> states_;  // Of those that are above 1.
  std::optional<std::set<std::uint64_t>> changed_;  // Since rewrap() began; nothing: none runs.
  std::optional<Error> failure_;  // What the file holds behind a power cut is not known.
};

// The number of the data key that wraps the key of this file; nothing: it is no file of slots, or
// gone.
// Errors: those of the file.
Result<std::optional<std::uint32_t>> data_key_of_slots(const std::filesystem::path& file);

// Puts the newer of two copies of one file in place: `from`, unless `to` has destroyed more.
// Nothing where there is no `from`. Returns whether there is one now.
// Errors: Corrupt; InvalidArgument when each has destroyed keys that the other has.
Result<bool> carry_key_slots(const std::filesystem::path& from, const std::filesystem::path& to,
                             SlotUse use, const Keyring& keys);

}  // namespace muster::storage
