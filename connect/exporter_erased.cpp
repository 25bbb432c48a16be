// Who was erased is removed where a sync of mode diff or mirror sent them, by a run of its own.
//
// What is owed is no state of its own: it is  erased, and in the ledger as there or as on the way
// there.  So it lasts until the ledger says otherwise, whatever becomes of single runs, and a start
// finds it in the ledger again. A run that could not remove them is repeated an hour later.
#include "connect/exporter_impl.h"
#include "connect/in_place.h"

namespace muster::connect {
namespace {

bool removes(const SyncEntry& sync) {
  const SyncMode mode = sync.document->mode;
  return mode == SyncMode::Diff || mode == SyncMode::Mirror;
}

// Those of `people` who are at the destination, or were begun to be sent.
index::Bitmap known_of(const Ledger& ledger, const index::Bitmap& people) {
  index::Bitmap known = unite(intersect(people, ledger.held()),
                              intersect(people, ledger.maybe_held()));
  for (const auto& [id, batch] : ledger.batches()) {
    add_all(known, intersect(people, batch.plan.people));
  }
  if (!ledger.run_active()) return known;
  // Somebody's row may have been read for a batch before they were erased.
  known = unite(known, intersect(people, ledger.to_add()));
  return unite(known, intersect(people, ledger.to_check()));
}

}  // namespace

// Nobody but those who were erased is concerned: what the ledger knows of others stays.
Result<Exporter::Impl::Plan> Exporter::Impl::plan_erasure(const Ledger& ledger,
                                                          const RunRequested& requested) const {
  Plan made;
  TRY_ASSIGN(AudienceMoment moment, parts_.audience->latest());
  made.run = {.run = requested.run, .requested_at = requested.at, .at = now(),
              .snapshot = moment.snapshot, .erasure = true};
  made.run.remove =
      intersect(unite(ledger.held(), ledger.maybe_held()), requested.erased);
  for (const auto& [id, batch] : ledger.batches()) {
    made.run.remove = subtract(made.run.remove, batch.plan.people);
  }
  made.moment = std::make_shared<const AudienceMoment>(std::move(moment));
  return made;
}

index::Bitmap Exporter::Impl::erased_there(const SyncEntry& sync) const {
  if (sync.erased.empty()) return {};
  const Ledger& ledger = sync.ledger;
  index::Bitmap there = unite(intersect(sync.erased, ledger.held()),
                              intersect(sync.erased, ledger.maybe_held()));
  for (const auto& [id, batch] : ledger.batches()) remove_all(there, batch.plan.people);
  return there;
}

void Exporter::Impl::review_erased(SyncEntry& sync, bool was_erasure) {
  if (was_erasure) {
    sync.erased_again_at = now() + kErasedAgainMs;
  } else {
    sync.erased_tried = {};
  }
  if (!sync.erased.empty()) sync.erased = known_of(sync.ledger, sync.erased);
}

std::vector<std::string> Exporter::Impl::note_erased(index::Ordinal person) {
  std::vector<std::string> concerned;
  index::Bitmap one;
  one.add(person);
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, sync] : syncs_) {
      if (!removes(*sync) || known_of(sync->ledger, one).empty()) continue;
      sync->erased.add(person);
      concerned.push_back(id);
    }
  }
  if (!concerned.empty()) notify();
  return concerned;
}

void Exporter::Impl::find_erased() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, sync] : syncs_) {
    if (!removes(*sync)) continue;
    const Ledger& ledger = sync->ledger;
    index::Bitmap known = unite(ledger.held(), ledger.maybe_held());
    for (const auto& [message, batch] : ledger.batches()) add_all(known, batch.plan.people);
    index::Ordinal from = 0;
    for (std::uint64_t left = known.count(); left > 0;) {
      const std::vector<index::Ordinal> part = known.slice(from, kPeopleAskedMax);
      const std::vector<bool> gone = parts_.audience->gone(part);
      for (std::size_t i = 0; i < part.size(); ++i) {
        if (gone[i]) sync->erased.add(part[i]);
      }
      left -= part.size();
      from = part.back() + 1;
    }
  }
}

}  // namespace muster::connect
