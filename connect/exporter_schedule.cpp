// Who is concerned by a run and when it is due: plans, previews, continuous syncs, cancelling.
#include "base/hash.h"
#include "connect/assignment.h"
#include "connect/exporter_impl.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

// Names what a mirror has to send as a whole again: all but when, whether and for whom it runs.
std::uint64_t meaning_of(const SyncDocument& document) {
  SyncDocument plain = document;
  plain.paused = false;
  plain.schedule = {};
  plain.split.reset();
  return hash64(to_json(plain));
}

// Of each rule: whom it excludes, and whom it alone does.
std::vector<RuleCost> costs_of(const index::Bitmap& audience,
                               const std::vector<std::pair<std::string, index::Bitmap>>& rules) {
  std::vector<RuleCost> costs;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    index::Bitmap only = intersect(audience, rules[i].second);
    RuleCost cost{rules[i].first, only.count(), 0};
    for (std::size_t other = 0; other < rules.size(); ++other) {
      if (other != i) only = subtract(only, rules[other].second);
    }
    cost.only = only.count();
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace

// --- Plans ---------------------------------------------------------------------------------------

Result<Exporter::Impl::Plan> Exporter::Impl::plan(const SyncDocument& document,
                                                  const Ledger& ledger,
                                                  const RunRequested& requested) const {
  if (!requested.erased.empty()) return plan_erasure(document, ledger, requested);
  if (document.mode == SyncMode::Events) return plan_events(document, ledger, requested);
  Plan made;
  TRY_ASSIGN(AudienceMoment members, parts_.audience->members(document.segment));
  made.moment = std::make_shared<const AudienceMoment>(std::move(members));
  index::Bitmap wanted = made.moment->members;
  for (const std::string& segment : document.exclude) {
    TRY_ASSIGN(AudienceMoment excluded, parts_.audience->members(segment));
    wanted = subtract(wanted, excluded.members);
    made.excluded.emplace_back(segment, std::move(excluded.members));
  }
  RunInput input{.sync = document, .sync_version = meaning_of(document), .run = requested.run,
                 .requested_at = requested.at, .at = now(), .audience = *made.moment,
                 .excluded = made.excluded, .whole = requested.whole};
  TRY_ASSIGN(input.assignment,
             assign({.split = document.split ? &*document.split : nullptr, .global = holdout(),
                     .audience = *parts_.audience, .moment = *made.moment, .wanted = wanted},
                    ledger));
  made.run = plan_run(input, ledger);
  made.run.contacts = document.contact_history;
  return made;
}

Result<Exporter::Impl::Previewed> Exporter::Impl::previewed(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  if (entry->ledger.run_active()) {
    return Error{ErrorCode::Conflict, "A run of sync '" + std::string(id) +
                                          "' is under way; wait until it has ended."};
  }
  if (entry->document->mode == SyncMode::Events) {
    return Error{ErrorCode::InvalidArgument,
                 "A sync of events has no preview: it sends what /v1/segments/" +
                     entry->document->segment + "/changes tells."};
  }
  Previewed found{.document = entry->document};
  const auto destination = destinations_.find(entry->document->destination);
  if (destination != destinations_.end()) {
    found.destination = destination->second.document;
  } else {
    found.destination = std::make_shared<const DestinationDocument>();
  }
  return found;
}

Result<PreviewView> Exporter::Impl::preview(std::string_view id) const {
  TRY_ASSIGN(const Previewed asked, previewed(id));
  const SyncDocument* const document = asked.document.get();
  // The same fold as the real one, apart from it: what is planned here is forgotten.
  SyncEntry scratch{std::string(id)};
  TRY(load_ledger(scratch));
  Ledger& ledger = scratch.ledger;
  if (ledger.run_active()) return Error{ErrorCode::Conflict, "A run has just begun; try again."};
  const RunRequested next{.run = ledger.last_run() + 1, .at = now(), .erased = {}};
  TRY_ASSIGN(Plan made, plan(*document, ledger, next));
  PreviewView view{.sync = std::string(id), .snapshot = made.run.snapshot,
                   .whole = made.run.whole, .audience = made.run.audience.count(),
                   .pending = made.run.blocked.count()};
  view.excluded = costs_of(made.run.audience, made.excluded);
  for (const auto& [arm, people] : made.run.held_out) {
    view.held_out.push_back({arm, people.count()});
  }
  TRY(ledger.apply(std::move(made.run)));
  const auto composer = make_composer(*document, *asked.destination, box_.identifier_key(id));
  std::uint64_t looked = 0;
  index::Bitmap renamed;
  std::uint64_t added_only = 0;
  while (!ledger.all_planned() && looked < kPreviewPeopleMax) {
    TRY_ASSIGN(PlannedStep step,
               plan_step({.sync = *document, .audience = *parts_.audience, .moment = *made.moment,
                          .journal = *parts_.journal, .stream = outcome_stream(id),
                          .composer = *composer,
                          .id = "preview_" + std::to_string(++view.batches)},
                         ledger));
    looked += step.sorted.unchanged.count() + step.sorted.unidentifiable.count() +
              step.sorted.following.count() + step.sorted.waiting.count() +
              step.sorted.handed.count();
    // Whose removal turns out to have no name, or is another one's, is added, and that is all.
    renamed = unite(renamed, step.sorted.renamed);
    added_only += intersect(renamed, step.sorted.handed).count();
    renamed = subtract(subtract(renamed, step.sorted.nameless), step.sorted.handed);
    TRY(ledger.apply(std::move(step.sorted)));
    if (!step.batch) {
      --view.batches;
      continue;
    }
    const std::uint64_t people = step.batch->people.count();
    looked += people;
    if (step.batch->operation == Operation::Add) view.added += people;
    if (step.batch->operation == Operation::Change) view.changed += people;
    TRY(ledger.apply(std::move(*step.batch)));
  }
  const RunCounts& counts = ledger.runs().back().counts;
  view.exact = ledger.all_planned();
  view.added += ledger.to_add().count();
  view.changed += ledger.to_check().count();
  view.changed += renamed.count();  // Removed by their old name, and added by the new one.
  view.removed = counts.removals - counts.removals_rejected - renamed.count() - added_only;
  view.already_there = counts.already_there;
  view.unidentifiable = counts.unidentifiable;
  return view;
}

// --- Continuous syncs ----------------------------------------------------------------------------

std::uint64_t Exporter::Impl::mark_of(const SyncDocument& document) const {
  std::uint64_t mark = mix64(hash64(to_json(document)) + parts_.audience->mark(document.segment));
  for (const std::string& segment : document.exclude) {
    mark = mix64(mark + parts_.audience->mark(segment));
  }
  return mark;
}

void Exporter::Impl::observe(TimeMs at) {
  std::vector<std::pair<std::string, std::shared_ptr<const SyncDocument>>> continuous;
  {
    const std::scoped_lock lock(mutex_);
    if (at >= observed_at_ && at - observed_at_ < kObserveEveryMs) return;
    observed_at_ = at;
    for (const auto& [id, sync] : syncs_) {
      const bool looks = sync->document->schedule.debounce_ms && !sync->document->paused;
      if (looks) continuous.emplace_back(id, sync->document);
    }
  }
  for (const auto& [id, document] : continuous) {
    const std::uint64_t mark = mark_of(*document);
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found == syncs_.end() || found->second->mark == mark) continue;
    found->second->mark = mark;
    if (found->second->dirty_since == 0) found->second->dirty_since = at;
  }
}

void Exporter::Impl::note_seen(const Task& task) {
  if (!task.document->schedule.debounce_ms) return;
  const std::uint64_t mark = mark_of(*task.document);
  const std::scoped_lock lock(mutex_);
  task.sync->mark = mark;
  task.sync->dirty_since = 0;
}

// --- Cancelling ----------------------------------------------------------------------------------

Status Exporter::Impl::want_cancelled(std::string_view id) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found == syncs_.end()) return no_such("sync", id);
    SyncEntry& entry = *found->second;
    if (!entry.requested && !entry.ledger.run_active()) {
      return Error{ErrorCode::Conflict, "No run of sync '" + std::string(id) + "' is under way."};
    }
    if (entry.document->mode == SyncMode::Events) {
      return Error{ErrorCode::Conflict,
                   "What a sync of events does not send is lost; pause it instead."};
    }
    const bool is_erasure = entry.requested ? !entry.requested->erased.empty()
                                            : entry.ledger.runs().back().erasure;
    if (is_erasure) {
      return Error{ErrorCode::Conflict, "The run removes people who were erased, and that is owed "
                                        "to them; pause sync '" + std::string(id) + "' instead."};
    }
    entry.cancel_wanted = true;
  }
  notify();
  return Ok{};
}

Status Exporter::Impl::cancel(const Task& task) {
  SyncEntry& sync = *task.sync;
  // Answers first: what was taken is not to be sent again.
  if (!sync.backlog.empty()) TRY(flush(task));
  const std::uint64_t run = sync.ledger.last_run();
  if (sync.ledger.run_active()) {
    TRY(write(task, {Cancelled{run, now()}}));
  } else if (sync.requested) {
    TRY(write(task, {RunFailed{sync.requested->run, sync.requested->at, now(),
                               "It was cancelled before it began."}}));
  }
  {
    const std::scoped_lock lock(mutex_);
    sync.cancel_wanted = false;
    sync.requested.reset();
    sync.moment.reset();
    sync.stuck.clear();
    review_erased(sync, false);
  }
  audit("cancel run " + std::to_string(sync.ledger.last_run()), task.sync_id, 0);
  return Ok{};
}

}  // namespace muster::connect
