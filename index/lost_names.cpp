#include "index/lost_names.h"

#include <charconv>
#include <deque>
#include <memory>

#include "base/text.h"
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
