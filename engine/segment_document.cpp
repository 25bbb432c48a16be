#include "engine/segment_document.h"

#include <boost/json.hpp>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kDescriptionBytesMax = 4'096;  // A paragraph for a colleague.

Error wrong(const std::string& what) { return {ErrorCode::InvalidArgument, what}; }

Result<std::string> text_member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr) return std::string();
  if (!value->is_string() || value->get_string().size() > kDescriptionBytesMax) {
    return wrong("\"" + std::string(key) + "\" of a segment must be a text of at most 4 KiB");
  }
  return std::string(value->get_string().data(), value->get_string().size());
}

Result<std::string> where_member(const json::object& object) {
  const json::value* where = object.if_contains("where");
  if (where != nullptr && where->is_string()) {
    return std::string(where->get_string().data(), where->get_string().size());
  }
  if (where == nullptr || !where->is_object()) {
    return wrong("a segment needs \"where\": an expression as text, or its JSON spelling");
  }
  TRY_ASSIGN(const query::NodePtr tree, query::from_json(json::serialize(*where)));
  return query::print(tree);
}

}  // namespace

Result<SegmentDocument> parse_segment(std::string_view text) {
  boost::system::error_code failure;
  const json::value document = json::parse({text.data(), text.size()}, failure);
  if (failure) return wrong("the segment is no JSON document: " + failure.message());
  if (!document.is_object()) return wrong("a segment is a JSON object with \"where\"");
  const json::object& object = document.get_object();
  const std::vector<std::string> known = {"where", "name", "tz", "description"};
  for (const auto& member : object) {
    const std::string key(member.key());
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return wrong("a segment has no key " + with_suggestion(key, known));
    }
  }
  SegmentDocument segment;
  TRY_ASSIGN(segment.where, where_member(object));
  TRY_ASSIGN(segment.name, text_member(object, "name"));
  TRY_ASSIGN(segment.description, text_member(object, "description"));
  TRY_ASSIGN(segment.timezone, text_member(object, "tz"));
  if (!segment.timezone.empty()) TRY(Zone::named(segment.timezone));
  return segment;
}

std::string segment_json(const SegmentDocument& segment) {
  JsonWriter out;
  out.begin_object().key("where").text(segment.where);
  if (!segment.name.empty()) out.key("name").text(segment.name);
  if (!segment.timezone.empty()) out.key("tz").text(segment.timezone);
  if (!segment.description.empty()) out.key("description").text(segment.description);
  out.end_object();
  return out.take();
}

Result<query::NodePtr> parse_where(std::string_view where) {
  const std::size_t first = where.find_first_not_of(" \t\r\n");
  const bool object = first != std::string_view::npos && where[first] == '{';
  return object ? query::from_json(where) : query::parse(where);
}

Result<query::BindContext::Segment> saved_segment(const index::Generation& generation,
                                                  const std::string& id, std::uint64_t version,
                                                  const Zone& workspace) {
  const auto found = generation.documents.find({"segment", id});
  const index::StoredDocument* document = nullptr;
  if (found != generation.documents.end()) {
    for (const auto& stored : *found->second) {
      if (version == 0 || stored->version == version) document = stored.get();
    }
  }
  if (document == nullptr || document->deleted) {
    std::vector<std::string> known;
    for (const auto& [key, versions] : generation.documents) {
      if (key.first == "segment" && !versions->back()->deleted) known.push_back(key.second);
    }
    const std::string of = version == 0 ? "" : "@" + std::to_string(version);
    return Error{ErrorCode::NotFound, "there is no segment " + with_suggestion(id + of, known)};
  }
  TRY_ASSIGN(const SegmentDocument segment, parse_segment(document->json));
  TRY_ASSIGN(query::NodePtr tree, parse_where(segment.where));
  Zone zone = workspace;
  if (!segment.timezone.empty()) {
    TRY_ASSIGN(zone, Zone::named(segment.timezone));
  }
  return query::BindContext::Segment{std::move(tree), zone};
}

}  // namespace muster::engine
