#include "index/lost_names.h"

#include <charconv>
#include <deque>
#include <memory>

#include "base/text.h"
#include "index/identifier_value.h"
#include "index/writer.h"

namespace muster::index {
namespace {

constexpr std::string_view kHead = "\x01lost:";
constexpr std::size_t kDigits = 16;

}  // namespace

std::string lost_name(std::uint64_t tag) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(tag >> (8 * (bytes.size() - 1 - i)));
  }
  return std::string(kHead) + to_hex(bytes);
}

std::optional<std::uint64_t> tag_of_lost_name(std::string_view text) {
  if (!text.starts_with(kHead) || text.size() != kHead.size() + kDigits) return std::nullopt;
  std::uint64_t tag = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + kHead.size(), end, tag, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return tag;
}

void reject_lost_names(TypedRows& rows, const Schema& schema) {
  const auto reject = [&](std::uint32_t row) {
    if (rows.taken[row]) rows.reject(row, "names somebody as only those who were erased are named");
  };
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    bool is_lost = tag_of_lost_name(rows.identity[row]).has_value();
    if (rows.table.kind == TableKind::Identities) {
      is_lost = is_lost || tag_of_lost_name(rows.previous[row]) ||
                tag_of_lost_name(rows.anonymous[row]);
    }
    if (is_lost) reject(row);
  }
  for (const TypedColumn& column : rows.columns) {
    const auto how = schema.identifiers.find(column.name);
    if (how == schema.identifiers.end()) continue;
    for (const TypedCell& cell : column.cells) {
      const bool is_name = cell.present && cell.bytes.find(kHead[0]) != std::string_view::npos;
      if (is_name && tag_of_lost_name(normalised(how->second, cell.bytes))) reject(cell.row);
    }
  }
}

std::string LostNames::name_of(const std::string& identifier, std::string_view value) const {
  const auto lost = tags_.find(identifier);
  if (lost != tags_.end()) {
    const std::uint64_t tag = tagger_(identifier, value);
    if (lost->second.contains(tag)) return lost_name(tag);
  }
  return std::string(value);
}

void Writer::put_lost_name(const std::string& identifier, std::string_view& value,
                           TypedRows& rows) const {
  // Whoever has it by now, under its own text, had it later.
  if (value.empty() || find_profile(identifier, value)) return;
  std::string name = lost_.name_of(identifier, value);
  if (name == value || !find_profile(identifier, name)) return;
  if (!rows.arena) rows.arena = std::make_shared<std::deque<std::string>>();
  value = rows.arena->emplace_back(std::move(name));
}

void Writer::put_lost_names(TypedRows& rows) const {
  if (lost_.empty() || rows.table.kind == TableKind::Entities) return;
  for (std::string_view& who : rows.identity) put_lost_name(rows.identifier, who, rows);
  for (std::string_view& id : rows.previous) put_lost_name("profile_id", id, rows);
  for (std::string_view& id : rows.anonymous) put_lost_name("profile_id", id, rows);
}

}  // namespace muster::index
