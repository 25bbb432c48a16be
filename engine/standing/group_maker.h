// Changes of one segment on their way into groups.
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/standing/conditions.h"
#include "storage/record.h"

namespace muster::engine {

// Takes them by person, ascending, for each of entered and left.
class GroupMaker {
 public:
  void add(index::Ordinal person, bool entered, const Cause& cause) {
    const std::pair key{entered, cause.reason};
    if (last_ == nullptr || key != last_key_) {
      last_ = &groups_[key];
      last_key_ = key;
      if (last_->people.empty()) last_->people.reserve(kFewPeople);
    }
    last_->people.push_back(person);
    if (cause.reason == storage::ChangeReason::Event ||
        cause.reason == storage::ChangeReason::Expired) {
      last_->times.push_back(cause.time);
    }
  }

  bool empty() const { return groups_.empty(); }

  // Those who left first: whoever did both by one commit is there in the end.
  void move_into(const std::string& segment, std::uint64_t version,
                 std::vector<storage::MembershipGroup>& all) {
    for (auto& [key, group] : groups_) {
      group.segment = segment;
      group.version = version;
      group.entered = key.first;
      group.reason = key.second;
      all.push_back(std::move(group));
    }
    groups_.clear();
    last_ = nullptr;
  }

 private:
  static constexpr std::size_t kFewPeople = 16;
  using Key = std::pair<bool, storage::ChangeReason>;
  std::map<Key, storage::MembershipGroup> groups_;
  Key last_key_{};
  storage::MembershipGroup* last_ = nullptr;  // That of last_key_.
};

}  // namespace muster::engine
