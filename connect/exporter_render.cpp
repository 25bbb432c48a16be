// One person's request as it would go out: the same composer and the same bytes, and nothing sent.
#include "base/json_writer.h"
#include "connect/composer.h"
#include "connect/exporter_impl.h"

namespace muster::connect {
namespace {

constexpr std::string_view kMask = "***";

// What a rendering is made of, copied from under the mutex.
struct Rendered {
  std::shared_ptr<const SyncDocument> sync;
  std::shared_ptr<const DestinationDocument> destination;
  std::string id;
  Operation operation = Operation::Add;
  std::uint64_t run = 0;
};

Result<Operation> operation_of(std::string_view name, bool held) {
  if (name.empty()) return held ? Operation::Change : Operation::Add;
  for (const Operation operation : {Operation::Add, Operation::Change, Operation::Remove}) {
    if (name_of(operation) == name) return operation;
  }
  return Error{ErrorCode::InvalidArgument,
               "/operation: 'add', 'change' or 'remove' belongs here."};
}

void write_headers(JsonWriter& json, const DestinationDocument& destination,
                   const PlannedRequest& request) {
  const bool is_plain = request.method.empty();
  json.key("headers").begin_object();
  const std::string type = is_plain ? "application/json" : request.content_type;
  if (!type.empty()) json.key("Content-Type").text(type);
  json.key("webhook-id").text(kMask);
  json.key("webhook-timestamp").text(kMask);
  if (!destination.secret.empty()) json.key("webhook-signature").text(kMask);
  for (const auto& [name, value] : request.headers) json.key(name).text(value);
  for (const auto& [name, value] : destination.headers) json.key(name).text(kMask);
  json.end_object();
}

std::string json_of(const Rendered& rendered, const Composer& composer, const BatchScope& scope,
                    const Person& person) {
  const bool identified = composer.identifies(scope, person);
  JsonWriter json;
  json.begin_object();
  json.key("operation").text(name_of(scope.operation));
  json.key("identifiable").boolean(identified);
  if (identified) {
    const Envelope envelope = composer.envelope(scope, person);
    Url url = rendered.destination->url;
    if (!envelope.request.method.empty()) url.target = envelope.request.target;
    json.key("method").text(envelope.request.method.empty() ? "POST" : envelope.request.method);
    if (rendered.destination->file) {
      json.key("file").text(envelope.request.target);
    } else {
      json.key("url").text(url.text());
      write_headers(json, *rendered.destination, envelope.request);
    }
    json.key("body").text(envelope.prefix + composer.member(scope, person) + envelope.suffix);
  }
  json.end_object();
  return json.take();
}

}  // namespace

Result<std::string> Exporter::Impl::render(std::string_view id, std::string_view profile_id,
                                           std::string_view operation) const {
  TRY_ASSIGN(const std::optional<index::Ordinal> ordinal, parts_.audience->find(profile_id));
  Rendered rendered;
  {
    const std::scoped_lock lock(mutex_);
    const SyncEntry* const entry = find_sync(id);
    if (entry == nullptr) return no_such("sync", id);
    if (!ordinal) return Error{ErrorCode::NotFound, "There is no profile of this id."};
    rendered.sync = entry->document;
    rendered.id = entry->ledger.sync();
    rendered.run = entry->ledger.last_run() + 1;
    const auto destination = destinations_.find(entry->document->destination);
    if (destination == destinations_.end()) {
      return no_such("destination", entry->document->destination);
    }
    rendered.destination = destination->second.document;
    TRY_ASSIGN(rendered.operation,
               operation_of(operation, entry->ledger.held().contains(*ordinal)));
  }
  const auto composer = make_composer(*rendered.sync, *rendered.destination,
                                      box_.identifier_key(rendered.id));
  TRY(composer->takes(rendered.operation));
  TRY_ASSIGN(const AudienceMoment moment, parts_.audience->latest());
  const std::vector<index::Ordinal> ordinals{*ordinal};
  TRY_ASSIGN(const std::vector<engine::ProfileRow> rows,
             parts_.audience->people(moment, ordinals, asked_fields(composer->mapping())));
  const Person person = connect::person_of(composer->mapping(), rows.front());
  const BatchScope scope{.sync = rendered.id, .segment = rendered.sync->segment,
                         .run = rendered.run, .snapshot = moment.snapshot, .at = now(),
                         .operation = rendered.operation};
  return json_of(rendered, *composer, scope, person);
}

}  // namespace muster::connect
