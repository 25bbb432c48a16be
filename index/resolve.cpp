#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/time.h"
#include "index/identifier_value.h"
#include "index/writer.h"

namespace muster::index {
namespace {

std::uint64_t mixed(std::uint64_t seed, std::uint64_t value) { return mix64(seed ^ mix64(value)); }

// What an event says, as one number per row: order of columns and lists does not matter.
std::vector<std::uint64_t> contents(const TypedRows& rows) {
  std::vector<std::uint64_t> content(rows.rows, 0);
  if (rows.table.kind == TableKind::Identities) return content;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    content[row] = mixed(hash64(rows.identity[row]), hash64(rows.names[rows.event_name[row]])) +
                   mixed(1, static_cast<std::uint64_t>(rows.event_time[row]));
  }
  for (const TypedColumn& column : rows.columns) {
    const std::uint64_t seed = hash64(column.name);
    for (const TypedCell& cell : column.cells) {
      if (!cell.present) continue;
      std::uint64_t value = cell.bytes.empty() ? static_cast<std::uint64_t>(cell.key)
                                               : hash64(cell.bytes);
      // A number is the same at every scale: 1.5 today, 1.50 after the field has widened.
      if (column.type.type == Type::Int || column.type.type == Type::Decimal) {
        Decimal number{cell.key, column.type.type == Type::Int ? std::uint8_t{0}
                                                               : column.type.scale};
        while (number.scale > 0 && number.mantissa % 10 == 0) {
          number.mantissa /= 10;
          --number.scale;
        }
        value = mixed(number.scale, static_cast<std::uint64_t>(number.mantissa));
      }
      for (std::uint32_t i = 0; i < cell.size; ++i) {
        value += mix64(hash64(column.elements[cell.first + i]));
      }
      content[cell.row] += mixed(seed, value);
    }
  }
  return content;
}

bool has_event_ids(const TypedRows& rows) {
  return rows.table.kind == TableKind::Events || rows.table.kind == TableKind::Identities;
}

// Ids fetched before they are asked for: enough to hide memory.
constexpr std::uint32_t kIdsAhead = 16;

std::vector<Hash128> hashes_of_ids(const TypedRows& rows) {
  std::vector<Hash128> hashes(rows.rows);
  for (std::uint32_t row = 0; row < rows.rows; ++row) hashes[row] = hash128(rows.event_id[row]);
  return hashes;
}

}  // namespace

void Writer::resolve(TypedRows& rows, const IsSuppressed& is_suppressed) {
  reject_suppressed(rows, is_suppressed);
  if (rows.table.kind == TableKind::Profiles) reject_conflicts(rows);
  if (rows.table.kind != TableKind::Entities) reject_people(rows);
  if (rows.table.kind == TableKind::Identities) reject_joins(rows);
  if (rows.table.kind == TableKind::Events) reject_forgotten_events(rows);
  if (has_event_ids(rows)) skip_known_events(rows);
  std::sort(rows.rejected.begin(), rows.rejected.end(),
            [](const auto& a, const auto& b) { return a.line < b.line; });
}

void Writer::reject_conflicts(TypedRows& rows) const {
  // By two of their ids.
  const auto is_one_person = [this](std::string_view id, std::string_view other) {
    const auto known = find_profile("profile_id", id);
    return known && known == find_profile("profile_id", other);
  };
  for (const auto& [identifier, how] : state_.schema->identifiers) {
    const auto column =
        std::find_if(rows.columns.begin(), rows.columns.end(),
                     [&](const TypedColumn& c) { return c.name == identifier; });
    if (column == rows.columns.end()) continue;
    std::map<std::string, std::string_view> claimed;  // In this batch: value -> profile id.
    for (const TypedCell& cell : column->cells) {
      if (!rows.taken[cell.row] || !cell.present) continue;
      const std::string value = normalised(how, cell.bytes);
      const std::string_view who = rows.identity[cell.row];
      const auto owner = find_profile(identifier, value);
      const auto [at, first] = claimed.emplace(value, who);
      const bool held = owner && find_profile("profile_id", who) != owner;
      const bool is_twice = !first && at->second != who && !is_one_person(at->second, who);
      if (held || is_twice) {
        rows.reject(cell.row,
                    "has a value in '" + identifier + "' that another profile holds; an "
                    "identifier belongs to one profile");
      }
    }
  }
}

void Writer::reject_people(TypedRows& rows) const {
  const UnknownPolicy policy = state_.schema->unknown;
  const bool full = policy == UnknownPolicy::Hold && held_count_ >= kHeldRowsMax;
  const bool makes_people =
      rows.table.kind == TableKind::Profiles || rows.table.kind == TableKind::Identities;
  if (makes_people || (policy != UnknownPolicy::Reject && !full)) return;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row] || find_profile(rows.identifier, rows.identity[row])) continue;
    rows.reject(row, full ? "is about nobody known, and a million rows wait for their profiles "
                            "already"
                          : "is about nobody known, and the declaration says \"unknown\": "
                            "\"reject\"");
  }
}

// One that is known by its id is as it was.
void Writer::reject_forgotten_events(TypedRows& rows) const {
  if (state_.events_since == kTimeMin) return;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row] || rows.event_time[row] >= state_.events_since) continue;
    const bool is_known =
        !rows.event_id[row].empty() && event_ids_.knows(hash128(rows.event_id[row]));
    if (is_known) continue;
    rows.reject(row, "is an event from before " + to_rfc3339(state_.events_since) +
                         ", and events from before that are not kept");
  }
}

void Writer::skip_known_events(TypedRows& rows) {
  const std::vector<std::uint64_t> content = contents(rows);
  const std::vector<Hash128> ids = hashes_of_ids(rows);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (row + kIdsAhead < rows.rows) event_ids_.prefetch(ids[row + kIdsAhead]);
    if (!rows.taken[row] || rows.event_id[row].empty()) continue;
    auto verdict = event_ids_.remember(ids[row], content[row]);
    if (verdict == EventIds::Verdict::Different && rows.event_id_is_enough) {
      verdict = EventIds::Verdict::Same;
    }
    switch (verdict) {
      case EventIds::Verdict::New: break;
      case EventIds::Verdict::Same:
        rows.taken[row] = false;
        rows.skipped.push_back(rows.lines[row]);
        break;
      case EventIds::Verdict::Different:
        rows.reject(row, "has the id of an earlier event with other content; the first one stays");
        break;
    }
  }
}

void Writer::remember_events(const TypedRows& rows) {
  if (!has_event_ids(rows)) return;
  const std::vector<std::uint64_t> content = contents(rows);
  const std::vector<Hash128> ids = hashes_of_ids(rows);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (row + kIdsAhead < rows.rows) event_ids_.prefetch(ids[row + kIdsAhead]);
    if (!rows.taken[row] || rows.event_id[row].empty()) continue;
    event_ids_.remember(ids[row], content[row]);
  }
}

}  // namespace muster::index
