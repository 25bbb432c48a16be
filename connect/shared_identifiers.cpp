#include "connect/shared_identifiers.h"

namespace muster::connect {

std::optional<index::Ordinal> SharedIdentifiers::leader(std::uint64_t identifier) const {
  const auto found = leaders_.find(identifier);
  return found == leaders_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<index::Ordinal> SharedIdentifiers::followers_of(std::uint64_t identifier,
                                                            std::size_t most) const {
  std::vector<index::Ordinal> found;
  for (auto one = by_identifier_.lower_bound({identifier, 0});
       one != by_identifier_.end() && one->first == identifier && found.size() < most; ++one) {
    found.push_back(one->second);
  }
  return found;
}

std::optional<index::Ordinal> SharedIdentifiers::leader_of(index::Ordinal follower) const {
  const auto found = follow_.find(follower);
  return found == follow_.end() ? std::nullopt : leader(found->second);
}

void SharedIdentifiers::lead(index::Ordinal person, std::uint64_t identifier) {
  stop_following(person);
  if (identifier != 0) leaders_[identifier] = person;
}

void SharedIdentifiers::follow(index::Ordinal person, std::uint64_t identifier) {
  if (identifier == 0) return;
  stop_following(person);
  followers_.add(person);
  follow_[person] = identifier;
  by_identifier_.emplace(identifier, person);
}

void SharedIdentifiers::stop_following(index::Ordinal person) {
  const auto found = follow_.find(person);
  if (found == follow_.end()) return;
  by_identifier_.erase({found->second, person});
  follow_.erase(found);
  followers_.remove(person);
}

void SharedIdentifiers::keep_followers(const index::Bitmap& people) {
  for (const index::Ordinal person : subtract(followers_, people).to_vector()) {
    stop_following(person);
  }
}

}  // namespace muster::connect
