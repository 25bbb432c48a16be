#include "index/row_people.h"

#include "index/identifier_value.h"

namespace muster::index {
namespace {

// What stands in a cell as an id: a text, or a whole number as it is written.
std::string id_in(const Batch& batch, const Cell& cell) {
  if (cell.kind == CellKind::Text) return std::string(batch.text_of(cell));
  return cell.kind == CellKind::Integer ? std::to_string(cell.number) : std::string();
}

std::string normal_form(const Schema& schema, const std::string& identifier,
                        const std::string& value) {
  const auto how = schema.identifiers.find(identifier);
  return how == schema.identifiers.end() ? value : normalised(how->second, value);
}

}  // namespace

RowPeople people_of(const Batch& batch, const TableRef& table, const Schema& schema) {
  RowPeople people;
  std::string column;
  switch (table.kind) {
    case TableKind::Profiles:
      people.identifier = "profile_id";
      column = schema.profile_id;
      break;
    case TableKind::Events:
      people.identifier = schema.event_identifier;
      column = schema.event_profile;
      break;
    case TableKind::UserInfo:
      if (const auto source = schema.userinfo.find(table.name); source != schema.userinfo.end()) {
        people.identifier = source->second.identifier;
        column = source->second.key;
      }
      break;
    case TableKind::Identities:
      people.identifier = "profile_id";
      column = kProfileColumn;
      break;
    case TableKind::Entities: break;
  }
  people.values.resize(batch.rows);
  const Column* const ids = column.empty() ? nullptr : batch.column(column);
  for (const Cell& cell : ids == nullptr ? std::vector<Cell>{} : ids->cells) {
    people.values[cell.row] = normal_form(schema, people.identifier, id_in(batch, cell));
  }
  if (table.kind == TableKind::Identities) {
    for (const char* name : {kPreviousColumn, kAnonymousColumn}) {
      const Column* const joins = batch.column(name);
      for (const Cell& cell : joins == nullptr ? std::vector<Cell>{} : joins->cells) {
        people.joins.emplace_back(cell.row, id_in(batch, cell));
      }
    }
  }
  if (table.kind != TableKind::Profiles) return people;
  for (const auto& [name, how] : schema.identifiers) {
    const Column* const claimed = batch.column(name);
    for (const Cell& cell : claimed == nullptr ? std::vector<Cell>{} : claimed->cells) {
      const std::string value = id_in(batch, cell);
      if (value.empty() && cell.kind != CellKind::Null) continue;
      people.claims.emplace_back(cell.row, Identity{name, normalised(how, value)});
    }
  }
  return people;
}

}  // namespace muster::index
