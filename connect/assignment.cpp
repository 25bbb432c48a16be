#include "connect/assignment.h"

#include <map>

#include "connect/ledger.h"

namespace muster::connect {

Result<Assignment> assign(const AssignmentInput& input, const Ledger& ledger) {
  Assignment made{.key = key_of(input.split, input.global)};
  if (made.key == 0) return made;
  std::map<std::string, index::Bitmap, std::less<>> arms;
  if (ledger.split_key() == made.key) {
    for (const Cohort& cohort : ledger.cohorts()) {
      for (const auto& [arm, people] : cohort.arms) arms[arm] = unite(arms[arm], people);
    }
  }
  index::Bitmap strangers = input.wanted;
  for (const auto& [arm, people] : arms) strangers = subtract(strangers, people);
  std::map<std::string, index::Bitmap, std::less<>> fresh;
  index::Ordinal from = 0;
  for (std::uint64_t left = strangers.count(); left > 0;) {
    const std::vector<index::Ordinal> part = strangers.slice(from, kPeopleAskedMax);
    TRY_ASSIGN(const auto rows, input.audience.people(input.moment, part, {}));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (rows[i].profile_id.empty()) continue;  // Erased meanwhile: nobody's arm.
      const std::string_view arm = arm_of(input.split, input.global, rows[i].profile_id);
      auto place = fresh.find(arm);
      if (place == fresh.end()) place = fresh.emplace(arm, index::Bitmap()).first;
      place->second.add(part[i]);
    }
    left -= part.size();
    from = part.back() + 1;
  }
  for (auto& [arm, people] : fresh) {
    arms[arm] = unite(arms[arm], people);
    made.fresh.emplace_back(arm, std::move(people));
  }
  for (const auto& [arm, people] : arms) {
    const bool is_sent =
        arm == kEverybodyArm || (input.split != nullptr && input.split->sends(arm));
    if (is_sent) continue;
    index::Bitmap held = intersect(input.wanted, people);
    if (!held.empty()) made.held_out.emplace_back(arm, std::move(held));
  }
  return made;
}

}  // namespace muster::connect
