// A log whose disk is part of the simulation: what an append comes to is decided before it is made,
// and while it is under way the world goes on.
//
// Thread safety: as storage/log.h; plan(), during(), crash() and the rest while nobody appends.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "storage/log.h"

namespace muster::testing {

// What becomes of an append.
enum class Fate {
  Kept,
  Full,           // Refused before anything was changed: the disk has no room.
  LostInCrash,    // The process dies in it, and none of it stands.
  KeptInCrash,    // The process dies behind it: it stands, and nobody was told.
  SyncFailed,     // The sync fails, and none of it stands.
  KeptUnsynced,   // The sync fails, and all of it stands.
};
constexpr bool is_kept(Fate fate) {
  return fate == Fate::Kept || fate == Fate::KeptInCrash || fate == Fate::KeptUnsynced;
}
// Those that end a process, or its writing.
inline constexpr std::array kEndingFates{Fate::LostInCrash, Fate::KeptInCrash, Fate::SyncFailed,
                                         Fate::KeptUnsynced};
const char* word_of(Fate fate);

class SimulatedLog final : public storage::Log {
 public:
  // Of the append after `later` others; those before it and behind it are kept, as far as any can
  // be: behind a crash or a failed sync there is none.
  void plan(Fate fate, int later = 0);
  // The same of the next replacement of records.
  void plan_replace(Fate fate) { replace_fate_ = fate; }
  // Called once, in the middle of the next append, on the appending thread.
  void during(std::function<void()> called) { during_ = std::move(called); }
  // Sabotage: an append says that it is done, and stands only with the next one.
  void acknowledge_early() { is_early_ = true; }
  // Sabotage: takes away record `sequence`; those behind it move up.
  void drop(std::uint64_t sequence);
  // Appends that were tried, whatever became of them.
  std::uint64_t appends() const { return appends_; }
  const std::vector<std::string>& records() const { return records_; }
  // All records as they were appended, whatever was put in their place since.
  std::vector<std::string> originals() const;
  // The process is gone. What stands is what the next one reads.
  void crash();

  Status append(std::span<const std::string> records) override;
  Status replace(std::span<const storage::Replacement> records) override;
  Status has_room(std::uint64_t bytes) const override;
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit)
      override;
  std::uint64_t last_sequence() const override { return last_; }
  std::uint64_t size_bytes() const override { return 0; }

 private:
  std::vector<std::string> records_;
  std::map<std::uint64_t, std::string> replaced_;  // What stood there first, by number.
  std::atomic<std::uint64_t> last_ = 0;  // The last that was confirmed.
  std::uint64_t appends_ = 0;
  std::size_t early_ = 0;                // Of the records, those that do not stand yet.
  Fate fate_ = Fate::Kept;
  int later_ = 0;
  Fate replace_fate_ = Fate::Kept;
  bool is_dead_ = false;
  bool is_early_ = false;
  std::function<void()> during_;
};

}  // namespace muster::testing
