// Histories of segments that nobody needs any longer.
#include <algorithm>

#include "base/system_names.h"
#include "engine/impl.h"
#include "engine/segment_document.h"
#include "engine/standing/segment_histories.h"
#include "engine/trait_document.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

// What a version of a segment or trait asks for; one that cannot be read asks for nothing.
std::set<std::string> moves_of(const std::string& kind, const std::string& json) {
  if (kind == "segment") {
    const auto segment = parse_segment(json);
    return segment ? moves_in(segment->where) : std::set<std::string>();
  }
  const auto trait = parse_trait(json);
  const auto value = trait ? query::parse_value(trait->value) : Result<query::NodePtr>(nullptr);
  return value && *value ? query::moved_segments(*value) : std::set<std::string>();
}

// Old versions may be asked by their number, and come back.
std::set<std::string> moves_of_definitions(const index::Generation& state) {
  std::set<std::string> found;
  for (const auto& [key, versions] : state.documents) {
    if (key.first != "segment" && key.first != "trait") continue;
    for (const auto& version : *versions) {
      if (!version->deleted) found.merge(moves_of(key.first, version->json));
    }
  }
  return found;
}

}  // namespace

void Engine::Impl::forget_history(const std::string& segment) {
  for (const Move move : {Move::Entered, Move::Left}) {
    writer.drop_system_events(move_event(move, segment));
  }
  writer.drop_document(kHistoryKind, segment);
  histories.erase(segment);
  history_use.forget(segment);
}

void Engine::Impl::unfollow(const std::string& segment, Commit& into) {
  if (!histories.contains(segment)) return history_use.forget(segment);
  if (moves_of_definitions(writer.state()).contains(segment)) return;
  forget_history(segment);
  into.add({now(), 0, storage::DocumentChange{kHistoryKind, segment, 0, true, "", {}}});
}

Status Engine::Impl::unfollow_one(Commit& into) {
  const std::set<std::string> needed = moves_of_definitions(writer.state());
  const std::string* longest = nullptr;
  TimeMs asked = now() - kHistoryStay + 1;
  for (const std::string& segment : histories) {
    const TimeMs last = history_use.last(segment);
    if (last >= asked || needed.contains(segment)) continue;
    asked = last;
    longest = &segment;
  }
  if (longest == nullptr) {
    return Error{ErrorCode::LimitExceeded,
                 "who entered and left is followed for " + std::to_string(parts.histories_max) +
                     " segments, and each of them was asked about within the last hour, or saved "
                     "segments and traits ask for it; ask later, or delete some"};
  }
  const std::string segment = *longest;
  forget_history(segment);
  into.add({now(), 0, storage::DocumentChange{kHistoryKind, segment, 0, true, "", {}}});
  return Ok{};
}

Status Engine::Impl::check_followed(const std::set<std::string>& moved) const {
  for (const std::string& segment : moved) {
    const bool is_known = writer.state().document("segment", segment) != nullptr;
    if (!is_known || histories.contains(segment)) continue;
    return Error{ErrorCode::Overloaded,
                 "segment '" + segment + "', which this asks about, is being deleted or saved; try "
                     "again", {}, std::chrono::seconds(1)};
  }
  return Ok{};
}

}  // namespace muster::engine
