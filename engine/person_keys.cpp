#include <set>

#include "engine/impl.h"

namespace muster::engine {
namespace {

// People who are there though their keys are not, by their ids or lost names.
std::set<std::string> people_without_key(const index::Writer& writer,
                                         const storage::PersonKeys& keys) {
  const auto lost = writer.lost_people();
  std::set<std::string> ids(lost.begin(), lost.end());
  const index::Table& profiles = writer.state().profiles;
  for (const index::Ordinal ordinal : keys.destroyed(profiles.ids.size())) {
    if (profiles.live.contains(ordinal)) ids.emplace(profiles.ids.key(ordinal).view());
  }
  return ids;
}

}  // namespace

Status Engine::Impl::settle_person_keys() {
  storage::PersonKeys* const keys = person_keys();
  if (keys == nullptr || keys->is_read_only()) return Ok{};
  const auto ids = people_without_key(writer, *keys);
  if (!ids.empty()) {
    // A crash came between the keys and the log, or the log is of an older backup.
    TRY(commit([&](Commit& into) -> Status {
      for (const std::string& id : ids) {
        const TimeMs at = now();
        const auto erased = erase_person(id, into.last_sequence() + 1, at);
        if (!erased) continue;
        if (parts.suppression != nullptr) suppression_mark = parts.suppression->mark();
        for (const std::string& one : erased->ids) {
          into.add({at, 0, storage::Erasure{one, "key destroyed", suppression_mark}});
        }
      }
      return Ok{};
    }));
    if (parts.notice) {
      parts.notice(std::to_string(ids.size()) + " people whose keys were destroyed were in these "
                   "data, and have been erased again");
    }
  }
  // Erased before there were keys, or in a file that is older than this.
  std::vector<index::Ordinal> erased;
  for (const std::uint32_t ordinal : writer.erased().to_vector()) {
    if (!keys->slots().is_destroyed(ordinal)) erased.push_back(ordinal);
  }
  keys->destroy(erased);
  TRY(keys->sync(suppression_mark.erasures));
  TRY(keys->renew_from(writer.state().profiles.ids.size()));
  writer.end_replay();
  return Ok{};
}

}  // namespace muster::engine
