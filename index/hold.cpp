#include <algorithm>

#include "base/text.h"
#include "index/identifier_value.h"
#include "index/writer.h"

namespace muster::index {
namespace {

// The key of a column's field in the schema.
std::string key_of(const TableRef& table, const TypedColumn& column) {
  switch (table.kind) {
    case TableKind::Profiles: return "profiles." + column.name;
    case TableKind::UserInfo: return "profiles." + table.name + "." + column.name;
    case TableKind::Entities: return table.name + "." + column.name;
    case TableKind::Events:
    case TableKind::Identities: break;
  }
  return column.event + "." + column.name;
}

bool fits(const TypedRows& rows, const std::string& field_key, std::uint8_t scale) {
  for (const TypedColumn& column : rows.columns) {
    const bool any_event = !column.event.empty() && field_key == "*." + column.name;
    if (!any_event && key_of(rows.table, column) != field_key) continue;
    if (column.type.scale >= scale) continue;
    const std::int64_t factor = power_of_ten(scale - column.type.scale);
    std::int64_t product = 0;
    for (const TypedCell& cell : column.cells) {
      if (__builtin_mul_overflow(cell.key, factor, &product)) return false;
    }
  }
  return true;
}

}  // namespace

bool Writer::waiting_rows_can_widen(const std::string& field_key, std::uint8_t scale) const {
  for (const auto& [id, staged] : staged_) {
    for (const auto& rows : staged) {
      if (!fits(*rows, field_key, scale)) return false;
    }
  }
  for (const auto& [who, held] : held_) {
    for (const HeldRow& row : held) {
      if (!fits(*row.rows, field_key, scale)) return false;
    }
  }
  return true;
}

bool Writer::waits_for(const std::string& field_key) const {
  const auto has = [&](const TypedRows& rows) {
    return std::any_of(rows.columns.begin(), rows.columns.end(), [&](const TypedColumn& column) {
      return key_of(rows.table, column) == field_key;
    });
  };
  for (const auto& [id, staged] : staged_) {
    for (const auto& rows : staged) {
      if (has(*rows)) return true;
    }
  }
  for (const auto& [who, held] : held_) {
    for (const HeldRow& row : held) {
      if (has(*row.rows)) return true;
    }
  }
  return false;
}

TypedRows Writer::hold_unknown(const TypedRows& rows) {
  TypedRows known = rows;
  std::shared_ptr<const TypedRows> shared;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row] || find_profile(rows.identifier, rows.identity[row])) continue;
    known.taken[row] = false;
    if (!shared) shared = std::make_shared<const TypedRows>(rows);
    held_[{rows.identifier, std::string(rows.identity[row])}].push_back({shared, row});
    ++held_count_;
  }
  return known;
}

void Writer::release_held(const TypedRows& rows, TimeMs received) {
  if (held_.empty()) return;
  std::vector<HeldRow> released;
  const auto take = [&](const std::string& identifier, const std::string& value) {
    const auto found = held_.find({identifier, value});
    if (found == held_.end()) return;
    released.insert(released.end(), found->second.begin(), found->second.end());
    held_count_ -= found->second.size();
    held_.erase(found);
  };
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    take("profile_id", std::string(rows.identity[row]));
    if (rows.table.kind != TableKind::Identities) continue;
    take("profile_id", std::string(rows.previous[row]));
    take("profile_id", std::string(rows.anonymous[row]));
  }
  for (const TypedColumn& column : rows.columns) {
    const auto how = state_.schema->identifiers.find(column.name);
    if (how == state_.schema->identifiers.end()) continue;
    for (const TypedCell& cell : column.cells) {
      if (!rows.taken[cell.row] || !cell.present) continue;
      take(column.name, normalised(how->second, cell.bytes));
    }
  }
  for (const HeldRow& held : released) {
    const bool is_forgotten = held.rows->table.kind == TableKind::Events &&
                              held.rows->event_time[held.row] < state_.events_since;
    if (is_forgotten) continue;
    TypedRows one = *held.rows;
    std::fill(one.taken.begin(), one.taken.end(), false);
    one.taken[held.row] = true;
    apply(one, received);
  }
}

}  // namespace muster::index
