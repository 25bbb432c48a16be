#include <algorithm>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "engine/identifier_holder.h"
#include "engine/impl.h"
#include "engine/references.h"
#include "engine/segment_document.h"
#include "engine/standing/segment_histories.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

constexpr std::size_t kDocumentBytesMax = 2U << 20;  // A segment text and its description.
constexpr std::size_t kListMembersMax = 50'000'000;

Document document_of(const std::string& kind, const std::string& id,
                     const index::StoredDocument& stored) {
  return {kind, id, stored.json, stored.version, stored.changed, stored.deleted};
}

Error not_found(const index::Generation& generation, std::string_view kind, std::string_view id) {
  std::vector<std::string> known;
  for (const auto& [key, versions] : generation.documents) {
    if (key.first == kind && !versions->back()->deleted) known.push_back(key.second);
  }
  return {ErrorCode::NotFound, "there is no " + std::string(kind) + " " +
                                   with_suggestion(std::string(id), known)};
}

Status valid_id(const std::string& kind, const std::string& id) {
  const bool fits = !id.empty() && id.size() <= kNameBytesMax && is_utf8(id) &&
                    id.find_first_of(std::string_view("/\0\n\r", 4)) == std::string::npos;
  if (fits) return Ok{};
  return Error{ErrorCode::InvalidArgument,
               "the id of a " + kind + " has 1 to 512 bytes of text without '/' or line ends"};
}

}  // namespace

void Engine::Impl::apply_document(const storage::DocumentChange& change, TimeMs received) {
  if (change.kind == kHistoryKind) return forget_history(change.id);
  writer.put_document(change.kind, change.id,
                      {change.version, received, change.deleted, change.json});
  if (change.kind != "list") return;
  if (change.deleted) {
    writer.remove_list(change.id);
  } else if (auto members = index::Bitmap::from_bytes(change.blob)) {
    writer.put_list(change.id, std::move(*members), change.version);
  }
}

Result<Document> Engine::Impl::put(DocumentPut asked, std::string blob,
                                   const std::set<std::string>& moved) {
  TRY(valid_id(asked.kind, asked.id));
  if (asked.json.size() > kDocumentBytesMax) {
    return Error{ErrorCode::TooLarge, "a " + asked.kind + " has at most 2 MiB"};
  }
  Document made;
  const Change change = [&](Commit& into) -> Status {
    TRY(check_followed(moved));
    const auto& documents = writer.state().documents;
    const auto found = documents.find({asked.kind, asked.id});
    const index::StoredDocument* newest =
        found == documents.end() ? nullptr : found->second->back().get();
    const bool exists = newest != nullptr && !newest->deleted;
    const std::uint64_t version = newest == nullptr ? 0 : newest->version;
    if (asked.deleted && !exists) return not_found(writer.state(), asked.kind, asked.id);
    if (asked.expected_version && *asked.expected_version != (exists ? version : 0)) {
      return Error{ErrorCode::Conflict, asked.kind + " '" + asked.id + "' is at version " +
                                            std::to_string(exists ? version : 0) +
                                            " by now; read it again"};
    }
    if (asked.deleted && (asked.kind == "segment" || asked.kind == "trait")) {
      const std::string referrer = referrer_of(writer.state(), asked.kind, asked.id);
      if (!referrer.empty()) {
        return Error{ErrorCode::Conflict, asked.kind + " '" + asked.id + "' cannot go: " +
                                              referrer + " refers to it"};
      }
    }
    storage::DocumentChange body{asked.kind, asked.id, version + 1, asked.deleted, asked.json,
                                 std::move(blob)};
    const TimeMs received = now();
    made = {asked.kind, asked.id, asked.json, version + 1, received, asked.deleted};
    apply_document(body, received);
    into.add({received, 0, std::move(body)});
    if (asked.deleted && asked.kind == "segment") unfollow(asked.id, into);
    return Ok{};
  };
  TRY(commit(change));
  return made;
}

Result<Document> Engine::put_segment(const Pass<Permission::Define>&, std::string_view id,
                                     std::string_view json) {
  TRY_ASSIGN(const SegmentDocument segment, parse_segment(json));
  TRY_ASSIGN(const query::NodePtr tree, parse_where(segment.where));
  // Bound as its own newest version, so that a cycle shows before it is saved.
  query::BindContext context =
      impl_->context(impl_->generation(), impl_->now(), segment.timezone);
  const query::NodePtr self =
      std::make_shared<const query::Node>(query::Node{.kind = query::NodeKind::InSegment,
                                                      .text = std::string(id)});
  context.segment = [&, saved = context.segment](const std::string& name, std::uint64_t version)
      -> Result<query::BindContext::Segment> {
    if (name != id || version != 0) return saved(name, version);
    return query::BindContext::Segment{tree, context.zone};
  };
  TRY(query::bind(tree, context));  // Errors with the places of its own text.
  TRY(query::bind(self, context));
  const std::set<std::string> moved = query::moved_segments(tree);
  TRY(impl_->state_with(moved, {}));
  return impl_->put({"segment", std::string(id), segment_json(segment), false, {}}, {}, moved);
}

Result<Document> Engine::delete_segment(const Pass<Permission::Define>&, std::string_view id) {
  return impl_->put({"segment", std::string(id), "", true, {}});
}

Result<ListReceipt> Engine::put_list(const Pass<Permission::Define>&, std::string_view id,
                                     const ListRequest& request) {
  if (request.members.size() > kListMembersMax) {
    return Error{ErrorCode::TooLarge, "a list has at most 50 million members"};
  }
  const auto generation = impl_->generation();
  const bool by_id = request.identifier == "profile_id";
  if (!by_id && !generation->schema->identifiers.contains(request.identifier)) {
    return Error{ErrorCode::InvalidArgument, "'" + request.identifier +
                                                 "' is no declared identifier"};
  }
  ListReceipt receipt;
  std::vector<index::Ordinal> found;
  for (const std::string& member : request.members) {
    if (member.empty() || member.size() > kIdBytesMax || !is_utf8(member)) {
      ++receipt.invalid;
      continue;
    }
    const auto ordinal = by_id ? generation->find_profile(member)
                               : holder_of(*generation, request.identifier, member);
    const bool live = ordinal && generation->profiles.live.contains(*ordinal);
    live ? ++receipt.matched : ++receipt.unmatched;
    if (live) found.push_back(*ordinal);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  JsonWriter json;
  json.begin_object().key("identifier").text(request.identifier);
  json.key("matched").number(receipt.matched).key("unmatched").number(receipt.unmatched);
  json.key("invalid").number(receipt.invalid).end_object();
  TRY_ASSIGN(const Document made,
             impl_->put({"list", std::string(id), json.take(), false, {}},
                        index::Bitmap::from_sorted(found).to_bytes()));
  receipt.sequence = impl_->generation()->sequence;
  return receipt;
}

Result<Document> Engine::put_document(const Pass<Permission::Activate>&, DocumentPut put) {
  const bool mine = put.kind == "destination" || put.kind == "sync" || put.kind == "job" ||
                    put.kind == "holdout";
  CHECK(mine);
  return impl_->put(std::move(put));
}

Result<Document> Engine::put_document(const Pass<Permission::Admin>&, DocumentPut put) {
  CHECK(put.kind == "key");
  return impl_->put(std::move(put));
}

Result<Document> Engine::delete_list(const Pass<Permission::Define>&, std::string_view id) {
  return impl_->put({"list", std::string(id), "", true, {}});
}

Result<Document> Engine::document(std::string_view kind, std::string_view id,
                                  std::uint64_t version) const {
  const auto generation = impl_->generation();
  const auto found = generation->documents.find({std::string(kind), std::string(id)});
  if (found != generation->documents.end()) {
    for (auto at = found->second->rbegin(); at != found->second->rend(); ++at) {
      const bool asked = version == 0 || (*at)->version == version;
      if (!asked) continue;
      if ((*at)->deleted) break;
      return document_of(std::string(kind), std::string(id), **at);
    }
  }
  return not_found(*generation, kind, id);
}

std::vector<Document> Engine::documents(std::string_view kind) const {
  const auto generation = impl_->generation();
  std::vector<Document> found;
  for (const auto& [key, versions] : generation->documents) {
    if (key.first != kind || versions->back()->deleted) continue;
    found.push_back(document_of(key.first, key.second, *versions->back()));
  }
  return found;
}

std::vector<Document> Engine::versions(std::string_view kind, std::string_view id) const {
  const auto generation = impl_->generation();
  std::vector<Document> found;
  const auto at = generation->documents.find({std::string(kind), std::string(id)});
  if (at == generation->documents.end()) return found;
  for (const auto& stored : *at->second) {
    found.push_back(document_of(std::string(kind), std::string(id), *stored));
  }
  return found;
}

}  // namespace muster::engine
