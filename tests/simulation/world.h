// A whole life of an engine from one seed: requests of several clients at once, questions in the
// middle of writes, checkpoints, a clock that jumps, full disks, failing syncs, crashes, damaged
// checkpoints, starts on what is left.
//
// Nothing in it depends on anything but the seed: the disk of the log, the clock, the order of
// clients and all choices are the world's. The same seed gives the same trace. After everything
// that happens the engine is held to what is known: nothing acknowledged is lost, nothing refused
// is there, what was under way is whole or absent, and every answer is the naive evaluator's.
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulation/known.h"
#include "tests/simulation/simulated_log.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {

// A promise broken on purpose; some life must then be seen to fail.
enum class Sabotage {
  None,
  EarlyAck,     // The log acknowledges before it keeps.
  DropRecord,   // A record is missing from the log after a crash.
  SkipExpiry,   // The engine is not told that time went on.
  BadChecksum,  // A damaged section of a checkpoint has a checksum that fits.
};
// Stops the program for a word that is none of: "", early-ack, drop-record, skip-expiry,
// bad-checksum.
Sabotage sabotage_of(const std::string& word);

class World {
 public:
  explicit World(std::uint64_t seed, Sabotage sabotage = Sabotage::None);

  // Returns the first promise that was broken, or "".
  std::string live(int steps);

  // What happened, a line each.
  const std::vector<std::string>& trace() const { return trace_; }
  // How often what happened, by word.
  const std::map<std::string, std::uint64_t>& tally() const { return tally_; }

 private:
  engine::Engine& engine() { return test_.engine(); }
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  TimeMs now() const { return std::max(latest_, clock_); }
  void note(const std::string& line) { trace_.push_back(line); }
  void happened(const std::string& word) { ++tally_[word]; }
  void broken(const std::string& sentence);

  void step();
  void load_everybody();
  void ask();
  void move_clock();
  void take_checkpoint();
  void forget_events();
  // Takes out what erased people left; the disk may fail in the middle of it.
  void compact();
  void expect_nobody_named();
  void damage_checkpoint();
  void forge_checkpoint();
  // A process that ends at rest, and the next one.
  void restart();
  // The next process, on what stands.
  void recover();

  // Several clients: the first one's change is written alone; while it is, the others come, and
  // are written together.
  void change_something();
  std::vector<Change> some_changes();
  struct Sent;
  Sent send(std::vector<Change>& changes);
  void settle(std::vector<Change>& changes, const Sent& sent, Fate fate, int later);
  void send_again(Change& change, bool was_kept);
  void full_disk();
  void repeat_an_old_one();
  void keep_happened(Change& change);
  void compare_with_whole_log();

  Random random_;
  const Sabotage sabotage_;
  SimulatedLog log_;
  TemporaryFolder folder_, archive_;
  storage::CheckpointStore checkpoints_{folder_.path()};
  // Lives on over crashes, as what is synced does.
  const std::unique_ptr<storage::Suppression> suppression_ = storage::Suppression::in_memory();
  TestEngine test_;
  Known known_;
  TimeMs clock_ = kRandomNow;
  TimeMs latest_ = kRandomNow;       // The greatest now that the engine has given.
  TimeMs durable_now_ = kRandomNow;  // That of the newest change that stands.
  TimeMs events_since_ = kTimeMin;   // Those from before are forgotten.
  bool was_damaged_ = false;
  std::optional<TimeMs> retention_;  // Of data batches in the log; nothing: they stay.
  bool compacts_ = false;            // What erased people left is taken out now and then.
  std::set<std::string> gone_;       // Who was erased.
  std::vector<Change> old_;          // Some that happened and have a key.
  std::vector<std::string> trace_;
  std::map<std::string, std::uint64_t> tally_;
  std::string broken_;
};

}  // namespace muster::testing
