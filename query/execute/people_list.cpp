#include "query/people_list.h"

#include "base/check.h"

namespace muster::query {

void PeopleList::assign(std::span<const index::Ordinal> people) {
  CHECK(!people.empty() && people.size() <= kPeopleAtOnce);
  people_.assign(people.begin(), people.end());
  listed_.clear();
  parts_.clear();
  for (std::uint32_t place = 0; place < people.size(); ++place) {
    const std::uint32_t block = people[place] / index::kBlockSize;
    if (parts_.empty() || parts_.back().block != block) parts_.push_back({block, place, 0});
    ++parts_.back().count;
    listed_.push_back(static_cast<std::uint16_t>(people[place] % index::kBlockSize));
  }
}

}  // namespace muster::query
