#include <algorithm>

#include "base/check.h"
#include "index/writer.h"

namespace muster::index {
namespace {

// Whether an attribute of the profiles table is refreshed by rows of `table`.
bool belongs(const std::string& attribute, const TableRef& table, const Schema& schema) {
  if (table.kind == TableKind::Entities) return true;
  const std::size_t dot = attribute.find('.');
  const std::string head = attribute.substr(0, dot);
  const bool from_source = dot != std::string::npos && schema.userinfo.contains(head);
  if (table.kind == TableKind::UserInfo) return from_source && head == table.name;
  return !from_source;
}

}  // namespace

void Writer::stage(const std::string& replace_id, std::shared_ptr<const TypedRows> rows) {
  // A refresh that was given up waits for nobody: the next one of the same table drops it.
  std::erase_if(staged_, [&](const auto& other) {
    const TableRef& table = other.second.front()->table;
    return other.first != replace_id && table.kind == rows->table.kind &&
           table.name == rows->table.name;
  });
  staged_[replace_id].push_back(std::move(rows));
}

Writer::Applied Writer::preview(const std::string& replace_id, const TypedRows& last) const {
  const bool entity = last.table.kind == TableKind::Entities;
  const auto found = entities_.find(last.table.name);
  if (entity && found == entities_.end()) return {};
  const TableWriter& writer = entity ? found->second : profiles_;
  std::set<Ordinal> kept;
  std::set<std::string_view> created;
  const auto look = [&](const TypedRows& rows) {
    for (std::uint32_t row = 0; row < rows.rows; ++row) {
      if (!rows.taken[row]) continue;
      const auto known = entity ? writer.ids.find(rows.identity[row])
                                : find_profile(rows.identifier, rows.identity[row]);
      if (known && writer.table.live.contains(*known)) kept.insert(*known);
      if (!known || !writer.table.live.contains(*known)) created.insert(rows.identity[row]);
    }
  };
  if (const auto at = staged_.find(replace_id); at != staged_.end()) {
    for (const auto& rows : at->second) look(*rows);
  }
  look(last);
  if (last.table.kind == TableKind::UserInfo) return {created.size(), 0};
  return {created.size(), writer.table.live.count() - kept.size()};
}

Writer::Applied Writer::replace(const std::string& replace_id, TimeMs received) {
  const auto at = staged_.find(replace_id);
  CHECK(at != staged_.end() && !at->second.empty());
  const auto staged = std::move(at->second);
  staged_.erase(at);
  const TableRef table = staged.front()->table;
  TableWriter& writer = writer_of(table);
  if (table.kind == TableKind::Entities) {
    if (notes_touched_) touched_.entities.insert(table.name);
  } else {
    touched_.is_everybody |= notes_touched_;
  }
  std::erase_if(writer.attributes, [&](const auto& attribute) {
    return belongs(attribute.first, table, *state_.schema);
  });
  std::erase_if(writer.table.attributes, [&](const auto& attribute) {
    return belongs(attribute.first, table, *state_.schema);
  });
  const Posting before = writer.table.live;
  if (table.kind != TableKind::UserInfo) writer.table.live = Posting();
  if (table.kind == TableKind::Profiles) identifiers_.clear();
  Applied applied;
  state_.profiles.attributes = profiles_.table.attributes;
  for (const auto& rows : staged) applied.created += apply(*rows, received).created;
  std::uint64_t stayed = 0;
  for (const auto& entry : before.entries()) {
    const Container* now = writer.table.live.find(entry.block);
    for (std::uint32_t i = 0; i < kBlockSize; ++i) {
      const auto member = static_cast<std::uint16_t>(i);
      stayed += now && entry.members->contains(member) && now->contains(member) ? 1 : 0;
    }
  }
  applied.removed = before.count() - stayed;
  publish_table(table);
  return applied;
}

}  // namespace muster::index
