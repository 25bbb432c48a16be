#include "engine/derive/field_history.h"

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "engine/declaration.h"
#include "engine/table_ref.h"

namespace muster::engine {
namespace {

using index::TableKind;
using index::TypedRows;
using storage::DataBatch;

const index::CanWiden kNever = [](const std::string&, std::uint8_t) { return false; };

// The columns that say who a row is about, and who else that is.
std::set<std::string> columns_of_people(const index::TableRef& table, const index::Schema& schema) {
  switch (table.kind) {
    case TableKind::Profiles: {
      std::set<std::string> names{schema.profile_id};
      for (const auto& [name, how] : schema.identifiers) names.insert(name);
      return names;
    }
    case TableKind::Events:
      return {schema.event_profile, schema.event_name, schema.event_time, schema.event_id};
    case TableKind::UserInfo: {
      const auto source = schema.userinfo.find(table.name);
      if (source == schema.userinfo.end()) return {};
      return {source->second.key};
    }
    case TableKind::Entities: {
      const auto entity = schema.entity_ids.find(table.name);
      if (entity == schema.entity_ids.end()) return {};
      return {entity->second};
    }
    case TableKind::Identities:
      return {index::kCallColumn, index::kProfileColumn, index::kPreviousColumn,
              index::kAnonymousColumn};
  }
  return {};
}

// Leaves those columns in the batch, copied from all of them.
void keep_columns(index::Batch& batch, const std::vector<index::Column>& all,
                  const std::set<std::string>& names) {
  batch.columns.clear();
  for (const index::Column& column : all) {
    if (names.contains(column.name)) batch.columns.push_back(column);
  }
}

std::vector<std::uint64_t> lines_to_ignore(const DataBatch& body) {
  std::vector<std::uint64_t> lines = body.skipped;
  for (const auto& rejected : body.rejected) lines.push_back(rejected.line);
  lines.insert(lines.end(), body.blanked.begin(), body.blanked.end());
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

FieldHistory::FieldHistory(const RowDecoder& decoder, std::map<std::string, index::Field> fields,
                           std::set<std::string> identifiers, bool reads_events)
    : decoder_(decoder),
      fields_(std::move(fields)),
      identifiers_(std::move(identifiers)),
      reads_events_(reads_events) {
  for (const auto& [key, field] : fields_) is_about_people_ |= key.starts_with("profiles.");
  index::Schema schema;
  schema.fields = fields_;
  writer_.set_schema(std::move(schema));
}

Status FieldHistory::take(std::uint64_t sequence, storage::Record record) {
  if (const auto* batch = std::get_if<DataBatch>(&record.body)) {
    return take_batch(sequence, *batch, record.received);
  }
  if (const auto* declaration = std::get_if<storage::Declaration>(&record.body)) {
    return take_declaration(declaration->json);
  }
  const auto* erasure = std::get_if<storage::Erasure>(&record.body);
  // Of one without a name, the rows are gone.
  if (erasure != nullptr && erasure->reason != storage::kNamelessErasure) {
    writer_.erase(erasure->profile_id);
  }
  return Ok{};
}

Status FieldHistory::take_declaration(const std::string& json) {
  TRY_ASSIGN(index::Schema schema, parse_declaration(json));
  for (const auto& [key, field] : fields_) schema.fields[key] = field;
  lacks_events_ |= schema.unknown == index::UnknownPolicy::Hold && has_skipped_events_;
  writer_.set_schema(std::move(schema));
  return Ok{};
}

bool FieldHistory::is_wanted(const DataBatch& body) const {
  if (body.is_derived) return false;
  if (body.table == storage::TableKind::Entities) {
    return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
      return field.first.starts_with(body.name + ".");
    });
  }
  return is_about_people_;
}

Status FieldHistory::take_batch(std::uint64_t sequence, const DataBatch& body, TimeMs received) {
  if (!body.schema_additions.empty()) {
    TRY_ASSIGN(auto additions, parse_fields(body.schema_additions));
    for (const auto& [key, field] : fields_) additions.erase(key);
    writer_.add_fields(additions);
  }
  if (!is_wanted(body)) return Ok{};
  if (body.table == storage::TableKind::Events && !reads_events_) {
    has_skipped_events_ = true;
    lacks_events_ |= writer_.state().schema->unknown == index::UnknownPolicy::Hold;
    return Ok{};
  }
  TRY_ASSIGN(TypedRows rows, typed(sequence, body));
  if (body.table == storage::TableKind::Events) {
    rows.table = {TableKind::UserInfo, ""};  // Whom they are about is all that counts.
  }
  if (body.replace_id.empty()) {
    writer_.apply(rows, received);
    return Ok{};
  }
  writer_.stage(body.replace_id, std::make_shared<const TypedRows>(std::move(rows)));
  if (body.replace_last) writer_.replace(body.replace_id, received);
  return Ok{};
}

// What the fields are called in rows of the table, by field key.
std::map<std::string, std::string> FieldHistory::columns_for(const index::TableRef& table) const {
  std::string prefix;
  if (table.kind == TableKind::Profiles) prefix = "profiles.";
  if (table.kind == TableKind::UserInfo) prefix = "profiles." + table.name + ".";
  if (table.kind == TableKind::Entities) prefix = table.name + ".";
  std::map<std::string, std::string> columns;
  if (prefix.empty()) return columns;
  for (const auto& [key, field] : fields_) {
    if (key.starts_with(prefix)) columns[key] = key.substr(prefix.size());
  }
  return columns;
}

Result<TypedRows> FieldHistory::typed(std::uint64_t sequence, const DataBatch& body) {
  TRY_ASSIGN(index::Batch decoded, decoder_.decode({body.format, body.csv_header, body.raw}));
  const index::TableRef table = table_ref(body.table, body.name);
  const index::Schema& schema = *writer_.state().schema;
  const std::vector<std::uint64_t> ignored = lines_to_ignore(body);
  const auto batch = std::make_shared<index::Batch>(std::move(decoded));
  const std::vector<index::Column> all = std::move(batch->columns);
  std::set<std::string> people = columns_of_people(table, schema);
  if (table.kind == TableKind::Profiles) people.insert(identifiers_.begin(), identifiers_.end());
  const auto fields = columns_for(table);
  std::set<std::string> first = people;
  for (const auto& [key, name] : fields) first.erase(name);
  keep_columns(*batch, all, first);
  TRY_ASSIGN(TypedRows rows, type_rows(batch, table, schema, kNever, ignored));
  if (!rows.rejected.empty()) {
    return Error{ErrorCode::Corrupt,
                 "record " + std::to_string(sequence) + " of the log: line " +
                     std::to_string(rows.rejected.front().line) +
                     " was accepted but cannot be read now: " + rows.rejected.front().reason};
  }
  for (const auto& [key, name] : fields) {
    std::set<std::string> own = people;
    own.insert({name, name + ".lat", name + ".lon"});
    keep_columns(*batch, all, own);
    TRY_ASSIGN(TypedRows field, type_rows(batch, table, schema, kNever, ignored));
    add_column(sequence, body, name, std::move(field), rows);
  }
  batch->columns.clear();
  return rows;
}

void FieldHistory::add_column(std::uint64_t sequence, const DataBatch& body,
                              const std::string& name, TypedRows field, TypedRows& rows) {
  unfit_ += field.rejected.size();
  for (const index::RejectedLine& line : field.rejected) {
    if (unfit_values_.size() == kErrorsListedMax) break;
    unfit_values_.push_back({sequence, body.first_line + line.line - 1, line.reason});
  }
  for (index::TypedColumn& column : field.columns) {
    if (column.name != name) continue;
    std::erase_if(column.cells,
                  [&](const index::TypedCell& cell) { return !field.taken[cell.row]; });
    rows_ += column.cells.size();
    rows.columns.push_back(std::move(column));
  }
  // Bytes that were made while typing stay as long as the rows.
  using Arena = std::shared_ptr<std::deque<std::string>>;
  const auto both = std::make_shared<std::pair<Arena, Arena>>(rows.arena, field.arena);
  rows.arena = Arena(both, both->first.get());
}

}  // namespace muster::engine
