#include "engine/segment_document.h"

#include "base/text.h"
#include "engine/definition_members.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

DefinitionForm form() { return {"segment", "where", "an expression", query::from_json}; }

}  // namespace

Result<SegmentDocument> parse_segment(std::string_view text) {
  TRY_ASSIGN(DefinitionMembers members, definition_members(text, form()));
  return SegmentDocument{.where = std::move(members.expression),
                         .name = std::move(members.name),
                         .description = std::move(members.description),
                         .timezone = std::move(members.timezone)};
}

std::string segment_json(const SegmentDocument& segment) {
  return definition_json({.expression = segment.where,
                          .name = segment.name,
                          .description = segment.description,
                          .timezone = segment.timezone},
                         form());
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
