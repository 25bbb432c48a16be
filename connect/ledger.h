// Everything a sync knows, folded from its journal: who is held, who is pending, who was refused
// and why, which batches are on their way, and the counts of every run.
//
// The fold is the one way in: what apply() makes of the records now, a restart makes of them again.
// For every run  audience = sent + already there + held out + excluded + unidentifiable + rejected
// + pending.  Each term is counted by itself, so that the equation can fail.
//
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/digest_table.h"
#include "connect/outcome_record.h"
#include "connect/shared_identifiers.h"
#include "connect/views.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// Runs that are listed; older ones are forgotten here, though not in the journal.
inline constexpr std::size_t kRunsKeptMax = 1'000;

struct Batch {
  BatchPlanned plan;
  std::uint64_t order = 0;   // Of planning.
  unsigned attempts = 0;     // Started, since it was planned or revived.
  bool in_flight = false;    // Started, without an end so far.
  bool ambiguous = false;    // Some attempt may have been received, or one of what it was cut from.
  bool repeats = false;      // Under this very id: its receiver may know that.
  bool dead = false;
  TimeMs retry_at = 0;
  std::string last_error;
};

// Who was put into the arms of a split by one run, or by some runs that follow each other.
struct Cohort {
  TimeMs at = 0;  // Of the last of them.
  std::vector<std::pair<std::string, index::Bitmap>> arms;
};
// Cohorts that are kept apart; more of them are merged by twos.
inline constexpr std::size_t kCohortsMax = 64;

// A delivery that is confirmed and not yet in the contact history.
struct Untold {
  std::string id;
  std::uint64_t run = 0;
  Operation operation = Operation::Add;
  TimeMs at = 0;
  index::Bitmap people;
};

struct Rejection {
  std::uint64_t run = 0;
  int status = 0;
  std::string answer, message_id;
};

class Ledger {
 public:
  explicit Ledger(std::string sync) : sync_(std::move(sync)) {}

  // A record repeated at once changes nothing: an append that failed may have been done after all.
  // Errors: Corrupt when the record makes no sense here.
  Status apply(const OutcomeRecord& record);

  // After a restart: attempts without an end may have been received.
  void mark_interrupted();

  const std::string& sync() const { return sync_; }
  const index::Bitmap& held() const { return held_; }
  // Refused in the end, after an attempt that may have been received: they may be there.
  const index::Bitmap& maybe_held() const { return maybe_held_; }
  std::uint64_t digest(index::Ordinal ordinal) const { return digests_.get(ordinal); }
  // Of what names them there; 0: nobody knows, or asks.
  std::uint64_t name_digest(index::Ordinal ordinal) const { return names_.get(ordinal); }
  // Identifiers that several profiles may have.
  const SharedIdentifiers& identifiers() const { return identifiers_; }
  const std::map<std::string, Batch>& batches() const { return batches_; }
  const Batch* batch(const std::string& id) const;
  std::uint64_t live_batches() const;  // Not dead.
  std::uint64_t dead_batches() const { return batches_.size() - live_batches(); }

  bool run_active() const { return active_; }
  std::uint64_t last_run() const { return last_run_; }
  const std::deque<RunView>& runs() const { return runs_; }  // Oldest first.
  std::uint64_t whole_version() const { return whole_version_; }  // Of the last whole run.
  TimeMs hold_until() const { return hold_until_; }
  std::uint64_t split_key() const { return split_key_; }  // Of the cohorts.
  const std::vector<Cohort>& cohorts() const { return cohorts_; }  // Oldest first; disjoint.

  // Of a sync of events: the first change that no run has sent, those that the newest run sends
  // (from there to the cursor), and up to where runs follow each other.
  std::uint64_t cursor() const { return cursor_; }
  std::uint64_t events_from() const { return events_from_; }
  std::uint64_t drain_until() const { return drain_until_; }
  // Of that stretch: who was in no batch when the run had to end. The next run begins with them.
  const index::Bitmap& unsent_entered() const { return unsent_entered_; }
  const index::Bitmap& unsent_left() const { return unsent_left_; }
  bool leaves_unsent() const { return !unsent_entered_.empty() || !unsent_left_.empty(); }

  const std::deque<Untold>& untold() const { return untold_; }  // Oldest first.

  // Of the run under way: who is not yet in a batch.
  const index::Bitmap& to_add() const { return to_add_; }
  const index::Bitmap& to_check() const { return to_check_; }
  const index::Bitmap& to_remove() const { return to_remove_; }
  bool all_planned() const {
    return to_add_.empty() && to_check_.empty() && to_remove_.empty();
  }

  PersonView person(index::Ordinal ordinal) const;  // Without the profile id.
  index::Bitmap people(PersonState state) const;
  LedgerView view() const;

 private:
  Status on(const RunRequested& record);
  Status on(const RunStarted& record);
  Status on(const RunFailed& record);
  Status on(const Sorted& record);
  Status on(const BatchPlanned& record);
  Status on(const AttemptStarted& record);
  Status on(const AttemptFailed& record);
  Status on(const Delivered& record);
  Status on(const Rejected& record);
  Status on(const Split& record);
  Status on(const Dead& record);
  Status on(const Revived& record);
  Status on(const RunFinished& record);
  Status on(const Forgotten& record);
  Status on(const DeliveredPartly& record);
  Status on(const Cancelled& record);
  Status on(const Following& record);
  Status on(const Told& record);
  Status on(const Recut& record);
  Status on(const RemovalOwed& record);  // Those of another stream make no sense here.
  Status on(const RemovalSealed& record);
  Status on(const RemovalSettled& record);

  Batch* find(const std::string& id);
  Batch& insert(const BatchPlanned& plan, std::uint64_t order);
  // What an answer says of people of a batch.
  void deliver(const BatchPlanned& plan, const index::Bitmap& people, TimeMs at);
  void take(const BatchPlanned& plan, const index::Bitmap& people);
  void refuse(const Batch& batch, const index::Bitmap& people,
              const std::shared_ptr<const Rejection>& why);
  // Takes people out of pending and says how many of them were in it.
  std::uint64_t settle(const index::Bitmap& people);
  std::uint64_t settle_removals(const index::Bitmap& people);
  void remember(RunView view);
  void enrol(const RunStarted& record);
  // Who was to be removed only to be added again can be.
  void come_back(const index::Bitmap& people);
  std::string arm_of(index::Ordinal ordinal) const;
  // Shared identifiers (ledger_leaders.cpp).
  void lead(const BatchPlanned& plan);
  void stop_following(const index::Bitmap& people);
  void promote(std::uint64_t identifier, bool is_there, const index::Bitmap& heirs = {});
  void take_identifier(index::Ordinal person, std::uint64_t identifier);
  void drop_identifiers(const index::Bitmap& people, bool is_there,
                        const index::Bitmap& heirs = {});
  void give_back(const BatchPlanned& plan, const index::Bitmap& people, bool may_be_there);
  Status settle_shared(const Sorted& record);
  Error corrupt(std::string_view what) const;

  std::string sync_;
  index::Bitmap held_;
  index::Bitmap maybe_held_;  // Disjoint from held_.
  DigestTable digests_, names_;
  SharedIdentifiers identifiers_;
  std::map<std::string, Batch> batches_;
  std::uint64_t next_order_ = 0;
  std::unordered_map<index::Ordinal, std::shared_ptr<const Rejection>> rejections_;
  index::Bitmap rejected_;
  index::Bitmap unidentifiable_;
  std::vector<std::pair<std::string, index::Bitmap>> excluded_, held_out_;
  std::uint64_t split_key_ = 0;
  std::vector<Cohort> cohorts_;

  // The newest run: under way, or as it ended.
  bool active_ = false;
  index::Bitmap pending_, removals_pending_;
  index::Bitmap waiting_;  // Pending of a run before it, where that is for an erasure.
  index::Bitmap to_add_, to_check_, to_remove_;
  index::Bitmap renamed_;  // Who is added again once they are removed.
  std::deque<RunView> runs_;
  std::uint64_t last_run_ = 0;
  std::uint64_t whole_version_ = 0;
  bool contacts_ = false;  // Deliveries are told.
  std::deque<Untold> untold_;
  std::uint64_t cursor_ = 0, events_from_ = 0, drain_until_ = 0;
  index::Bitmap unsent_entered_, unsent_left_;
  TimeMs hold_until_ = 0;
};

}  // namespace muster::connect
