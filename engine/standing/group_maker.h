// Changes of one segment on their way into groups.
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "index/sets/bitmap.h"
#include "storage/record.h"

namespace muster::engine {

// Takes them by person, ascending.
class GroupMaker {
 public:
  GroupMaker(std::string segment, std::uint64_t version)
      : segment_(std::move(segment)), version_(version) {}

  void add(index::Ordinal person, bool entered, storage::ChangeReason reason, TimeMs time) {
    storage::MembershipGroup& group = groups_[{entered, reason}];
    group.people.push_back(person);
    if (reason == storage::ChangeReason::Event || reason == storage::ChangeReason::Expired) {
      group.times.push_back(time);
    }
  }
  // Those who left first: whoever did both by one commit is there in the end.
  void move_into(std::vector<storage::MembershipGroup>& all) {
    for (auto& [key, group] : groups_) {
      group.segment = segment_;
      group.version = version_;
      group.entered = key.first;
      group.reason = key.second;
      all.push_back(std::move(group));
    }
  }

 private:
  const std::string segment_;
  const std::uint64_t version_;
  std::map<std::pair<bool, storage::ChangeReason>, storage::MembershipGroup> groups_;
};

}  // namespace muster::engine
