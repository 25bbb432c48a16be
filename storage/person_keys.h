// A key for every person, and what is sealed with it in checkpoints.
//
// A text is sealed as SIV and ciphertext: the SIV is a keyed hash (SipHash-2-4, 128 bits) of the
// place and the text under a key that follows from the person's, and is the counter that AES-256
// in counter mode begins with. So the same text at the same place is the same bytes, and a
// checkpoint that changed little writes little; another text has another counter; and a byte that
// was changed is found.
// Source: Rogaway, Shrimpton, "Deterministic authenticated encryption" (2006); NIST SP 800-38A.
//
// Thread safety: any thread; a Session, one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/image/person_seals.h"
#include "storage/key_slots.h"

namespace muster::storage {

class PersonKeys final : public index::PersonSeals {
 public:
  // The file that DataDirectory made.  Errors: those of KeySlots::open.
  static Result<std::shared_ptr<PersonKeys>> open(const std::filesystem::path& file,
                                                  const Keyring& keys, LogAccess access);

  Status prepare(std::uint64_t people) override;
  std::unique_ptr<Session> begin() const override;
  std::uint64_t tag(std::string_view identifier, std::string_view value) const override;

  // Of people who are to be erased: destroyed when sync() returns.
  void destroy(std::span<const index::Ordinal> people);
  // `erasures`: how many the suppression file has.  Errors: those of the file.
  Status sync(std::uint64_t erasures);
  // Those whose keys were destroyed, with ordinals below `end`.
  std::vector<index::Ordinal> destroyed(std::uint64_t end) const;
  // Gives ordinals from `first` on, which nobody has yet, keys again where they were destroyed: by
  // people that a newer state of these data had.
  Status renew_from(std::uint64_t first);
  // Whether the file is not older than a log that knows of so many erasures.
  // Errors: Corrupt, saying what to do.
  Status check(std::uint64_t erasures) const;
  // Nothing can be destroyed in a file that is only read.
  bool is_read_only() const { return is_read_only_; }

  KeySlots& slots() { return *slots_; }
  const KeySlots& slots() const { return *slots_; }

 private:
  PersonKeys(std::unique_ptr<KeySlots> slots, bool is_read_only)
      : slots_(std::move(slots)), is_read_only_(is_read_only), synced_(slots_->erasures()) {}

  const std::unique_ptr<KeySlots> slots_;
  const bool is_read_only_;
  // The writer's, for sync(): what waits, and what the file says, which others may hold for long.
  std::vector<std::uint64_t> waiting_;
  std::optional<std::uint64_t> synced_;
};

}  // namespace muster::storage
