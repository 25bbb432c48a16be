// Destinations and syncs as documents: put, shown, deleted, paused, and loaded at the start.
#include <algorithm>

#include "base/text.h"
#include "connect/exporter_impl.h"
#include "connect/templates/template_composer.h"

namespace muster::connect {
DocumentView Exporter::Impl::view_of(const std::string& id, const DestinationEntry& entry) {
  return {.id = id, .json = to_shown_json(*entry.document), .version = entry.version,
          .changed = entry.changed, .disabled = !entry.document->disabled.empty()};
}

DocumentView Exporter::Impl::view_of(const std::string& id, const SyncEntry& entry) {
  return {.id = id, .json = to_json(*entry.document), .version = entry.version,
          .changed = entry.changed, .paused = entry.document->paused};
}

Error Exporter::Impl::no_such(std::string_view kind, std::string_view id) const {
  std::vector<std::string> known;
  if (kind == "sync") {
    for (const auto& [name, entry] : syncs_) known.push_back(name);
  } else {
    for (const auto& [name, entry] : destinations_) known.push_back(name);
  }
  const std::string shown = is_utf8(id) && id.size() <= kDocumentIdBytesMax ? std::string(id) : "";
  return {ErrorCode::NotFound,
          "There is no " + std::string(kind) + " " + with_suggestion(shown, known)};
}

const SyncEntry* Exporter::Impl::find_sync(std::string_view id) const {
  const auto found = syncs_.find(id);
  return found == syncs_.end() ? nullptr : found->second.get();
}

// --- Loading -------------------------------------------------------------------------------------

Status Exporter::Impl::adopt(const engine::Document& stored) {
  if (stored.kind == "destination") {
    TRY_ASSIGN(DestinationDocument document, from_stored_json(stored.json, box_, stored.id));
    install(stored, std::move(document));
    return Ok{};
  }
  TRY_ASSIGN(SyncDocument document, parse_sync(stored.json));
  auto entry = std::make_unique<SyncEntry>(stored.id);
  entry->document = std::make_shared<const SyncDocument>(std::move(document));
  entry->version = stored.version;
  entry->changed = stored.changed;
  TRY(load_ledger(*entry));
  syncs_[stored.id] = std::move(entry);
  return Ok{};
}

Status Exporter::Impl::load_ledger(SyncEntry& entry) const {
  const std::string& id = entry.ledger.sync();
  TRY(parts_.journal->replay(outcome_stream(id), [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    return entry.ledger.apply(record);
  }));
  entry.ledger.mark_interrupted();
  return parts_.journal->replay(request_stream(id), [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    const auto* const request = std::get_if<RunRequested>(&record);
    if (request != nullptr && request->run > entry.ledger.last_run()) entry.requested = *request;
    return Ok{};
  });
}

// --- Destinations --------------------------------------------------------------------------------

Result<engine::Document> Exporter::Impl::store(std::string_view id,
                                               const DestinationDocument& document,
                                               std::optional<std::uint64_t> expected_version) {
  TRY_ASSIGN(std::string json, to_stored_json(document, box_, id));
  return parts_.documents->put({.kind = "destination", .id = std::string(id),
                                .json = std::move(json), .expected_version = expected_version});
}

std::shared_ptr<const DestinationDocument> Exporter::Impl::with_newest_token(
    DestinationEntry& entry) {
  if (auto newer = entry.client->take_rotated_token()) entry.rotated_token = std::move(newer);
  if (!entry.rotated_token) return entry.document;
  DestinationDocument document = *entry.document;
  document.authorization.refresh_token = *entry.rotated_token;
  return std::make_shared<const DestinationDocument>(std::move(document));
}

bool Exporter::Impl::takes_newest_token(DestinationEntry& entry, Authorization& authorization) {
  const Authorization& before = entry.document->authorization;
  std::string& token = authorization.refresh_token;
  // Not one of the operator's own, and not for another server.
  const bool is_ours = authorization.token_url.text() == before.token_url.text() &&
                       (token == before.refresh_token || token == entry.rotated_token);
  if (auto newer = entry.client->take_rotated_token()) entry.rotated_token = std::move(newer);
  if (!is_ours || !entry.rotated_token || token == *entry.rotated_token) {
    entry.rotated_token.reset();
    return false;
  }
  token = *entry.rotated_token;
  return true;
}

void Exporter::Impl::install(const engine::Document& stored, DestinationDocument document) {
  std::shared_ptr<Destination> client = parts_.destinations->make(document);
  const std::scoped_lock lock(mutex_);
  DestinationEntry& entry = destinations_[stored.id];
  if (stored.version < entry.version) return;  // Two puts crossed: the newer one stays.
  if (entry.document && takes_newest_token(entry, document.authorization)) {
    client = parts_.destinations->make(document);  // The token is kept by the next delivery.
  }
  entry.document = std::make_shared<const DestinationDocument>(std::move(document));
  entry.version = stored.version;
  entry.changed = stored.changed;
  entry.client = std::move(client);
  // A new address or a new promise: what was held back may be tried at once.
  entry.gate.reset(entry.document->limits);
}

Status Exporter::Impl::check_syncs_of(std::string_view id, const DestinationDocument* previous,
                                      const DestinationDocument& document) const {
  const std::scoped_lock lock(mutex_);
  // What is planned is a request or a file, and stays what it is.
  const bool turns = previous != nullptr && previous->file.has_value() != document.file.has_value();
  for (const auto& [name, sync] : syncs_) {
    if (sync->document->destination != id) continue;
    const bool has_work = sync->busy || sync->ledger.run_active() ||
                          !sync->ledger.batches().empty();
    if (turns && has_work) {
      return Error{ErrorCode::Conflict, "/kind: sync '" + name + "' has deliveries that are made "
                                        "for the other kind; wait until they are settled, or make "
                                        "another destination."};
    }
    const std::string where = document.file ? "/kind" : document.content ? "/requests" : "";
    if (sync->document->mode == SyncMode::Events && document.file) {
      return Error{ErrorCode::Conflict, where + ": sync '" + name + "' sends events, which do not "
                                        "go to files; delete that first."};
    }
    if (!document.content) continue;
    const Status fits = check_against(*sync->document, *document.content);
    if (!fits) {
      return Error{ErrorCode::Conflict, where + ": sync '" + name + "' does not fit to it any more "
                                        "(" + fits.error().message + "); change that first."};
    }
  }
  return Ok{};
}

Result<DocumentView> Exporter::Impl::put_destination(
    std::string_view id, std::string_view json, std::optional<std::uint64_t> expected_version) {
  TRY(check_document_id("destination", id));
  const std::scoped_lock one_document(documents_mutex_);
  std::shared_ptr<const DestinationDocument> previous;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = destinations_.find(id);
    if (found != destinations_.end()) previous = with_newest_token(found->second);
  }
  TRY_ASSIGN(DestinationDocument document, parse_destination(json, previous.get()));
  const Status allowed = parts_.destinations->check(document);
  if (!allowed) {
    const std::string& why = allowed.error().message;
    const std::string where = document.file ? "/kind: " : "/url: ";
    return Error{allowed.error().code, why.starts_with('/') ? why : where + why};
  }
  TRY(check_syncs_of(id, previous.get(), document));
  TRY_ASSIGN(const engine::Document stored, store(id, document, expected_version));
  install(stored, std::move(document));
  notify();
  return destination(id);
}

Result<DocumentView> Exporter::Impl::destination(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = destinations_.find(id);
  if (found == destinations_.end()) return no_such("destination", id);
  return view_of(found->first, found->second);
}

std::vector<DocumentView> Exporter::Impl::destinations() const {
  const std::scoped_lock lock(mutex_);
  std::vector<DocumentView> views;
  for (const auto& [id, entry] : destinations_) views.push_back(view_of(id, entry));
  return views;
}

Result<GateView> Exporter::Impl::destination_status(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = destinations_.find(id);
  if (found == destinations_.end()) return no_such("destination", id);
  GateView view = found->second.gate.view(now());
  view.disabled = found->second.document->disabled;
  return view;
}

Status Exporter::Impl::delete_destination(std::string_view id) {
  const std::scoped_lock one_document(documents_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    const auto found = destinations_.find(id);
    if (found == destinations_.end()) return no_such("destination", id);
    const auto at_work = [&](const auto& sync) {
      return sync.second->busy && sync.second->busy_for == id;
    };
    if (found->second.gate.in_flight() > 0 ||
        std::any_of(syncs_.begin(), syncs_.end(), at_work)) {
      return Error{ErrorCode::Conflict,
                   "A delivery to '" + std::string(id) + "' is on its way; try again."};
    }
    for (const auto& [name, sync] : syncs_) {
      if (sync->document->destination != id) continue;
      return Error{ErrorCode::Conflict, "Destination '" + std::string(id) +
                                            "' is used by sync '" + name + "'; delete that first."};
    }
  }
  TRY(parts_.documents->put({.kind = "destination", .id = std::string(id), .deleted = true}));
  const std::scoped_lock lock(mutex_);
  const auto found = destinations_.find(id);
  if (found != destinations_.end()) destinations_.erase(found);
  return Ok{};
}

// --- Syncs ---------------------------------------------------------------------------------------

Result<bool> Exporter::Impl::reserve_move(std::string_view id, std::string_view destination) {
  const std::scoped_lock lock(mutex_);
  const auto found = syncs_.find(id);
  if (found == syncs_.end() || found->second->document->destination == destination) return false;
  SyncEntry& entry = *found->second;
  const Ledger& ledger = entry.ledger;
  const std::string from = "'" + entry.document->destination + "'";
  if (!ledger.held().empty() || !ledger.maybe_held().empty() || !ledger.batches().empty()) {
    return Error{ErrorCode::Conflict, "People of sync '" + std::string(id) +
                                          "' are held by destination " + from +
                                          "; make another sync for the other destination."};
  }
  if (entry.busy || entry.reserved || entry.requested || ledger.run_active() ||
      !entry.backlog.empty()) {
    return Error{ErrorCode::Conflict, "/destination: a run of sync '" + std::string(id) + "' to " +
                                          from + " is under way; wait until it has ended."};
  }
  entry.reserved = true;
  return true;
}

Result<DocumentView> Exporter::Impl::put_sync(std::string_view id, std::string_view json,
                                              std::optional<std::uint64_t> expected_version) {
  TRY(check_document_id("sync", id));
  const std::scoped_lock one_document(documents_mutex_);
  TRY_ASSIGN(SyncDocument document, parse_sync(json));
  bool is_new = false;
  {
    const std::scoped_lock lock(mutex_);
    if (destinations_.find(document.destination) == destinations_.end()) {
      return Error{ErrorCode::InvalidArgument,
                   "/destination: " + no_such("destination", document.destination).message};
    }
    const auto& content = destinations_.find(document.destination)->second.document->content;
    if (content) TRY(check_against(document, *content));
    const auto& form = *destinations_.find(document.destination)->second.document;
    if (document.mode == SyncMode::Events && form.file) {
      return Error{ErrorCode::InvalidArgument,
                   "/mode: events do not go to files, and '" + document.destination +
                       "' is a directory, so take diff, mirror or append."};
    }
    const SyncEntry* const before = find_sync(id);
    is_new = before == nullptr;
    const bool turns = before != nullptr && (before->document->mode == SyncMode::Events) !=
                                                (document.mode == SyncMode::Events);
    if (turns) {
      return Error{ErrorCode::Conflict, "/mode: sync '" + std::string(id) +
                                            "' cannot become one of events, or cease to be one; "
                                            "make another sync."};
    }
  }
  TRY(parts_.audience->check(document.segment, asked_fields(document.mapping)));
  if (document.contact_history && parts_.contacts) TRY(parts_.contacts->check());
  for (const std::string& segment : document.exclude) TRY(parts_.audience->check(segment, {}));
  auto entry = std::make_unique<SyncEntry>(std::string(id));
  if (is_new) TRY(begin_anew(*entry, document.mode));
  TRY_ASSIGN(const bool moves, reserve_move(id, document.destination));
  const auto stored = parts_.documents->put({.kind = "sync", .id = std::string(id),
                                             .json = to_json(document),
                                             .expected_version = expected_version});
  {
    const std::scoped_lock lock(mutex_);
    if (moves) syncs_.find(id)->second->reserved = false;
    if (!stored) return stored.error();
    std::unique_ptr<SyncEntry>& place = syncs_[std::string(id)];
    if (!place) place = std::move(entry);
    if (stored->version > place->version) {
      place->document = std::make_shared<const SyncDocument>(std::move(document));
      place->version = stored->version;
      place->changed = stored->changed;
    }
  }
  notify();
  return sync(id);
}

// A sync of the same name may have lived before: its numbers go on, its people are forgotten.
Status Exporter::Impl::begin_anew(SyncEntry& entry, SyncMode mode) const {
  TRY(load_ledger(entry));
  std::vector<OutcomeRecord> records;
  if (entry.requested) {  // Of the sync before: not to be found again by the next start.
    records.emplace_back(RunFailed{entry.requested->run, entry.requested->at, now(),
                                   "The sync was deleted before it began."});
  }
  entry.requested.reset();
  if (!records.empty() || !entry.ledger.runs().empty()) records.emplace_back(Forgotten{now()});
  if (mode == SyncMode::Events) {
    records.emplace_back(Following{now(), parts_.audience->next_change()});
  }
  for (const OutcomeRecord& record : records) {
    TRY(parts_.journal->append(outcome_stream(entry.ledger.sync()), {encode(record)}));
    TRY(entry.ledger.apply(record));
  }
  return Ok{};
}

Result<DocumentView> Exporter::Impl::sync(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  return view_of(std::string(id), *entry);
}

std::vector<DocumentView> Exporter::Impl::syncs() const {
  const std::scoped_lock lock(mutex_);
  std::vector<DocumentView> views;
  for (const auto& [id, entry] : syncs_) views.push_back(view_of(id, *entry));
  return views;
}

Status Exporter::Impl::delete_sync(std::string_view id) {
  const std::scoped_lock one_document(documents_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found == syncs_.end()) return no_such("sync", id);
    SyncEntry& entry = *found->second;
    // Of one that is paused or disabled nothing goes on by itself: its run need not end first.
    const auto destination = destinations_.find(entry.document->destination);
    const bool is_silent = entry.document->paused || destination == destinations_.end() ||
                           !destination->second.document->disabled.empty();
    const bool has_run = entry.requested || entry.ledger.run_active() ||
                         entry.ledger.live_batches() > 0 || !outbox_.of(id).pending.empty();
    const bool at_work = entry.busy || entry.reserved || !entry.flights.empty() ||
                         !entry.backlog.empty() || !entry.ledger.untold().empty() ||
                         (has_run && !is_silent);
    if (at_work) {
      return Error{ErrorCode::Conflict, "A run of sync '" + std::string(id) +
                                            "' is under way; wait until it has ended, or pause "
                                            "the sync."};
    }
    entry.reserved = true;
  }
  const auto done =
      parts_.documents->put({.kind = "sync", .id = std::string(id), .deleted = true});
  {
    const std::scoped_lock lock(mutex_);
    if (!done) {
      syncs_.find(id)->second->reserved = false;
      return done.error();
    }
    const auto found = syncs_.find(id);
    forget_bodies(*found->second);
    syncs_.erase(found);
  }
  give_up_removals(id, kSyncDeleted);
  return Ok{};
}

Status Exporter::Impl::set_paused(std::string_view id, Paused paused) {
  const std::scoped_lock one_document(documents_mutex_);
  SyncDocument document;
  std::uint64_t version = 0;
  {
    const std::scoped_lock lock(mutex_);
    const SyncEntry* const entry = find_sync(id);
    if (entry == nullptr) return no_such("sync", id);
    document = *entry->document;
    version = entry->version;
  }
  document.paused = paused == Paused::Yes;
  TRY_ASSIGN(const engine::Document stored,
             parts_.documents->put({.kind = "sync", .id = std::string(id),
                                    .json = to_json(document), .expected_version = version}));
  {
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found != syncs_.end() && stored.version > found->second->version) {
      found->second->document = std::make_shared<const SyncDocument>(std::move(document));
      found->second->version = stored.version;
      found->second->changed = stored.changed;
    }
  }
  notify();
  return Ok{};
}

}  // namespace muster::connect
