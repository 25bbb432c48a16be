#include "connect/sync_document.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "connect/document_reader.h"

namespace muster::connect {
namespace {

constexpr std::array<std::string_view, 11> kSettings{
    "segment", "destination", "mode",        "mapping", "schedule",        "paused",
    "exclude", "identify_by", "nulls",       "split",   "contact_history"};

Status read_mode(const DocumentReader& reader, SyncDocument& document) {
  TRY_ASSIGN(const auto mode, reader.text("mode", 64));
  if (!mode || *mode == "diff") return Ok{};
  if (*mode == "mirror") {
    document.mode = SyncMode::Mirror;
  } else if (*mode == "append") {
    document.mode = SyncMode::Append;
  } else if (*mode == "events") {
    document.mode = SyncMode::Events;
  } else {
    return reader.wrong("mode", "'diff', 'mirror', 'append' or 'events' belongs here.");
  }
  return Ok{};
}

Status read_mapping(const DocumentReader& reader, SyncDocument& document) {
  TRY_ASSIGN(const auto mapping, reader.object("mapping"));
  if (!mapping) return Ok{};
  const std::vector<std::string> names = mapping->keys();
  if (names.size() > kMappedFieldsMax) {
    return reader.wrong("mapping", "at most 256 fields are mapped.");
  }
  for (const std::string& name : names) {
    TRY_ASSIGN(MappedField field, read_mapped_field(*mapping, name));
    document.mapping.push_back(std::move(field));
  }
  return Ok{};
}

Result<std::vector<std::string>> read_names(const DocumentReader& reader, std::string_view key,
                                            std::size_t most) {
  if (!reader.has(key)) return std::vector<std::string>();
  const auto fits = [](const std::string& name) {
    return !name.empty() && name.size() <= kNameBytesMax;
  };
  auto names = reader.texts(key);
  if (!names || names->size() > most || !std::all_of(names->begin(), names->end(), fits)) {
    return reader.wrong(key, "a list of at most " + std::to_string(most) +
                                 " names belongs here.");
  }
  return std::move(*names);
}

Status read_rules(const DocumentReader& reader, SyncDocument& document) {
  TRY_ASSIGN(document.exclude, read_names(reader, "exclude", kExclusionsMax));
  TRY_ASSIGN(document.identify_by, read_names(reader, "identify_by", kMappedFieldsMax));
  for (const std::string& name : document.identify_by) {
    const bool mapped = std::any_of(document.mapping.begin(), document.mapping.end(),
                                    [&](const auto& entry) { return entry.name == name; });
    if (!mapped) return reader.wrong("identify_by", "'" + name + "' is no name of the mapping.");
  }
  TRY_ASSIGN(const auto nulls, reader.text("nulls", 64));
  for (const Nulls policy : {Nulls::Send, Nulls::Omit, Nulls::Keep}) {
    if (nulls && *nulls == name_of(policy)) document.nulls = policy;
  }
  if (nulls && *nulls != name_of(document.nulls)) {
    return reader.wrong("nulls", "'send', 'omit' or 'keep' belongs here.");
  }
  return Ok{};
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json.key(key).begin_array();
  for (const std::string& name : names) json.text(name);
  json.end_array();
}

}  // namespace

std::string_view name_of(SyncMode mode) {
  switch (mode) {
    case SyncMode::Diff: return "diff";
    case SyncMode::Mirror: return "mirror";
    case SyncMode::Append: return "append";
    case SyncMode::Events: return "events";
  }
  CHECK(!"every SyncMode has a name");
  return {};
}

std::string_view name_of(Nulls nulls) {
  switch (nulls) {
    case Nulls::Send: return "send";
    case Nulls::Omit: return "omit";
    case Nulls::Keep: return "keep";
  }
  CHECK(!"every null policy has a name");
  return {};
}

Result<SyncDocument> parse_sync(std::string_view json) {
  TRY_ASSIGN(const DocumentReader reader, DocumentReader::of(json));
  TRY(reader.only(kSettings));
  SyncDocument document;
  TRY_ASSIGN(document.segment, reader.required_text("segment", kNameBytesMax));
  TRY_ASSIGN(document.destination, reader.required_text("destination", kDocumentIdBytesMax));
  TRY(read_mode(reader, document));
  TRY(read_mapping(reader, document));
  TRY_ASSIGN(document.schedule, read_schedule(reader));
  TRY_ASSIGN(const auto paused, reader.flag("paused"));
  document.paused = paused.value_or(false);
  TRY(read_rules(reader, document));
  TRY_ASSIGN(document.split, read_split(reader));
  TRY_ASSIGN(const auto contacts, reader.flag("contact_history"));
  document.contact_history = contacts.value_or(false);
  return document;
}

std::string to_json(const SyncDocument& document) {
  JsonWriter json;
  json.begin_object();
  json.key("segment").text(document.segment);
  json.key("destination").text(document.destination);
  json.key("mode").text(name_of(document.mode));
  json.key("mapping").begin_object();
  for (const MappedField& field : document.mapping) write_mapped_field(json, field);
  json.end_object();
  write_schedule(json, document.schedule);
  json.key("paused").boolean(document.paused);
  write_names(json, "exclude", document.exclude);
  write_names(json, "identify_by", document.identify_by);
  json.key("nulls").text(name_of(document.nulls));
  if (document.contact_history) json.key("contact_history").boolean(true);
  if (document.split) write_split(json, *document.split);
  json.end_object();
  return json.take();
}

Status check_document_id(std::string_view what, std::string_view id) {
  const bool fits = !id.empty() && id.size() <= kDocumentIdBytesMax &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  if (fits) return Ok{};
  return Error{ErrorCode::InvalidArgument,
               "The id of a " + std::string(what) +
                   " has 1 to 128 letters, digits, hyphens, underscores or dots."};
}

}  // namespace muster::connect
