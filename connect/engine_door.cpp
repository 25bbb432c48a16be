#include "connect/engine_door.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "connect/address_guard.h"
#include "connect/destination.h"
#include "connect/exporter.h"
#include "connect/file_destination.h"
#include "connect/webhook_destination.h"
#include "engine/access.h"
#include "engine/change_reason.h"
#include "engine/engine.h"

namespace muster::connect {
namespace {

using ActivatePass = engine::Pass<engine::Permission::Activate>;
using IngestPass = engine::Pass<engine::Permission::Ingest>;
using MembersPass = engine::Pass<engine::Permission::Members>;
using QueryPass = engine::Pass<engine::Permission::Query>;

// A string of the segment language: its escapes are those of JSON.
std::string quoted(std::string_view text) {
  JsonWriter json;
  json.text(text);
  return json.take();
}

AudienceMoment moment_of(engine::MembersAnswer answer) {
  AudienceMoment moment{.members = answer.members, .snapshot = answer.snapshot};
  moment.held = std::make_shared<const engine::MembersAnswer>(std::move(answer));
  return moment;
}

class EngineAudience final : public Audience {
 public:
  EngineAudience(engine::Engine& engine, MembersPass pass, QueryPass query_pass)
      : engine_(engine), pass_(std::move(pass)), query_pass_(std::move(query_pass)) {}

  Result<AudienceMoment> members(std::string_view segment) const override {
    return ask("in segment " + quoted(segment));
  }
  Result<AudienceMoment> matching(const std::string& where) const override { return ask(where); }
  Result<AudienceMoment> latest() const override { return ask("nobody"); }

  Result<std::vector<engine::ProfileRow>> people(
      const AudienceMoment& moment, std::span<const index::Ordinal> ordinals,
      const std::vector<std::string>& fields) const override {
    const auto& answer = *static_cast<const engine::MembersAnswer*>(moment.held.get());
    TRY_ASSIGN(std::vector<engine::ProfileRow> rows,
               engine_.rows(pass_, answer, ordinals, fields));
    // Whoever was erased since that moment is nobody, also where a run goes on with it.
    const std::vector<bool> gone = engine_.gone(pass_, ordinals);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (gone[i]) rows[i].profile_id.clear();
    }
    return rows;
  }

  Result<engine::ProfileColumns> columns(const AudienceMoment& moment,
                                         std::span<const index::Ordinal> ordinals,
                                         const std::vector<std::string>& fields) const override {
    if (!std::all_of(fields.begin(), fields.end(), engine::is_column)) {
      return Audience::columns(moment, ordinals, fields);
    }
    const auto& answer = *static_cast<const engine::MembersAnswer*>(moment.held.get());
    TRY_ASSIGN(engine::ProfileColumns columns,
               engine::profile_columns(pass_, answer, ordinals, fields));
    const std::vector<bool> gone = engine_.gone(pass_, ordinals);
    for (std::size_t i = 0; i < columns.ids.size(); ++i) {
      if (gone[i]) columns.ids[i] = {};
    }
    return columns;
  }

  Result<index::Bitmap> erased() const override { return engine_.erased(pass_); }

  Result<std::optional<index::Ordinal>> find(std::string_view profile_id) const override {
    // The id column may bear any name; in backticks every name is one.
    const std::string column = "`" + engine_.schema()->profile_id + "`";
    TRY_ASSIGN(const AudienceMoment found, ask(column + " = " + quoted(profile_id)));
    if (found.members.empty()) return std::optional<index::Ordinal>();
    return std::optional<index::Ordinal>(found.members.select(0));
  }

  Result<AudienceChanges> changes(std::string_view segment, std::uint64_t from,
                                  std::size_t limit) const override {
    TRY_ASSIGN(engine::ChangesAnswer answer,
               engine_.changes(pass_, {.segment = std::string(segment), .from = from,
                                       .limit = limit}));
    AudienceChanges changes{.next = answer.next};
    for (engine::ChangeRow& row : answer.rows) {
      changes.rows.push_back({.offset = row.offset, .ordinal = row.person,
                              .profile_id = std::move(row.profile_id).value_or(""),
                              .entered = row.entered, .happened = row.happened,
                              .reason = engine::name_of(row.reason)});
    }
    return changes;
  }
  std::uint64_t next_change() const override { return engine_.next_change(); }

  std::uint64_t mark(std::string_view segment) const override {
    const auto size = engine_.segment_size(query_pass_, std::string(segment));
    if (!size) return 0;
    return mix64(mix64(size->version) + mix64(size->entered ^ began_) * 3 + mix64(size->left) * 5);
  }

  Status check(std::string_view segment, const std::vector<std::string>& fields) const override {
    const auto document = engine_.document("segment", segment);
    if (!document) {
      return Error{ErrorCode::InvalidArgument, "/segment: " + document.error().message};
    }
    TRY_ASSIGN(const AudienceMoment nobody, latest());
    const auto rows = people(nobody, {}, fields);
    if (!rows) return Error{ErrorCode::InvalidArgument, "/mapping: " + rows.error().message};
    return Ok{};
  }

 private:
  Result<AudienceMoment> ask(std::string where) const {
    TRY_ASSIGN(engine::MembersAnswer answer, engine_.members(pass_, {.where = std::move(where)}));
    return moment_of(std::move(answer));
  }

  engine::Engine& engine_;
  MembersPass pass_;
  QueryPass query_pass_;
  // Who entered and left is counted from the beginning of the process on.
  const std::uint64_t began_ = static_cast<std::uint64_t>(engine_.now());
};

class EngineDocuments final : public DocumentStore {
 public:
  EngineDocuments(engine::Engine& engine, ActivatePass pass)
      : engine_(engine), pass_(std::move(pass)) {}

  Result<engine::Document> put(engine::DocumentPut put) override {
    return engine_.put_document(pass_, std::move(put));
  }
  std::vector<engine::Document> all(std::string_view kind) const override {
    std::vector<engine::Document> documents = engine_.documents(kind);
    std::erase_if(documents, [](const engine::Document& document) { return document.deleted; });
    return documents;
  }

 private:
  engine::Engine& engine_;
  ActivatePass pass_;
};

class EngineJournal final : public Journal {
 public:
  EngineJournal(engine::Engine& engine, ActivatePass pass)
      : engine_(engine), pass_(std::move(pass)) {}

  Status append(std::string_view stream, std::vector<std::string> payloads) override {
    return engine_.record_outcome(pass_, stream, std::move(payloads));
  }
  Status replay(std::string_view stream,
                const std::function<Status(std::string_view)>& visit) const override {
    return engine_.outcomes(pass_, stream, visit);
  }

 private:
  engine::Engine& engine_;
  ActivatePass pass_;
};

// One row a person. Cost: some 70 bytes in memory, each.
class EngineContacts final : public ContactLog {
 public:
  EngineContacts(engine::Engine& engine, IngestPass pass)
      : engine_(engine), pass_(std::move(pass)) {}

  Status check() const override { return check(engine_.row_names(pass_)); }

  Status note(const Contact& contact) override {
    const engine::RowNames names = engine_.row_names(pass_);
    TRY(check(names));
    // The name says who writes: event names that begin with '$' are for the system alone.
    engine::IngestRequest request{.table = storage::TableKind::Events, .name = "system",
                                  .event_id_is_enough = true};
    for (const ContactedPerson& person : contact.people) {
      JsonWriter json;
      json.begin_object();
      json.key(names.event_profile).text(person.profile_id);
      json.key(names.event_name).text(kContactEvent);
      json.key(names.event_time).text(to_rfc3339(contact.at));
      json.key(names.event_id).text(contact.message_id + "/" + person.profile_id);
      json.key("sync").text(contact.sync).key("segment").text(contact.segment);
      json.key("destination").text(contact.destination).key("run").number(contact.run);
      json.key("operation").text(contact.operation);
      if (!person.arm.empty()) json.key("arm").text(person.arm);
      json.end_object();
      request.bytes += json.take() + "\n";
    }
    std::vector<engine::IngestRequest> parts;
    parts.push_back(std::move(request));
    TRY(engine_.ingest_together(pass_, names, std::move(parts)));
    return Ok{};
  }

 private:
  static Status check(const engine::RowNames& names) {
    if (names.event_identifier.empty() || names.event_identifier == "profile_id") return Ok{};
    return Error{ErrorCode::InvalidArgument,
                 "/contact_history: events are declared by '" + names.event_identifier +
                     "', and these would be by profile id."};
  }

  engine::Engine& engine_;
  IngestPass pass_;
};

}  // namespace

Result<EngineDoor> open_door(engine::Engine& engine) {
  const engine::Access access = engine::Access::system("exporter");
  TRY_ASSIGN(const ActivatePass activate, access.require<engine::Permission::Activate>());
  TRY_ASSIGN(MembersPass members, access.require<engine::Permission::Members>());
  TRY_ASSIGN(IngestPass ingest, access.require<engine::Permission::Ingest>());
  TRY_ASSIGN(QueryPass query, access.require<engine::Permission::Query>());
  EngineDoor door;
  door.audience = std::make_unique<EngineAudience>(engine, std::move(members), std::move(query));
  door.documents = std::make_unique<EngineDocuments>(engine, activate);
  door.journal = std::make_unique<EngineJournal>(engine, activate);
  door.contacts = std::make_unique<EngineContacts>(engine, std::move(ingest));
  return door;
}

Result<std::unique_ptr<Exporter>> Exporter::open(engine::Engine& engine,
                                                 ExporterOptions options) {
  TRY_ASSIGN(AddressGuard guard, AddressGuard::with_allow_list(options.allow_list));
  TRY_ASSIGN(EngineDoor door, open_door(engine));
  ExporterParts parts{.audience = std::move(door.audience),
                      .documents = std::move(door.documents),
                      .journal = std::move(door.journal),
                      .destinations = std::make_unique<KindFactory>(
                          std::make_unique<WebhookFactory>(std::move(guard)),
                          options.export_directory),
                      .contacts = std::move(door.contacts)};
  return open(std::move(parts), std::move(options));
}

}  // namespace muster::connect
