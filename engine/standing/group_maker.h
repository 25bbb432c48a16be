// Changes of one segment on their way into groups.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/standing/touched_people.h"
#include "storage/record.h"

namespace muster::engine {

// Takes each person once for each of entered and left.
class GroupMaker {
 public:
  void add(index::Ordinal person, bool entered, const Cause& cause) {
    Made& made = made_of(entered, cause.reason);
    made.is_ascending &= made.rows.empty() || made.rows.back().person < person;
    made.rows.push_back({person, cause.time});
  }

  bool empty() const { return made_.empty(); }

  // Those who left first: whoever did both by one commit is there in the end.
  void move_into(const std::string& segment, std::uint64_t version,
                 std::vector<storage::MembershipGroup>& all) {
    std::sort(made_.begin(), made_.end(), [](const Made& a, const Made& b) {
      return a.entered != b.entered ? b.entered : a.reason < b.reason;
    });
    for (Made& made : made_) all.push_back(group_of(made, segment, version));
    made_.clear();
    last_ = 0;
  }

 private:
  struct Row {
    index::Ordinal person = 0;
    TimeMs time = 0;
  };
  struct Made {
    bool entered = false;
    storage::ChangeReason reason = storage::ChangeReason::Event;
    bool is_ascending = true;
    std::vector<Row> rows;
  };

  Made& made_of(bool entered, storage::ChangeReason reason) {
    const auto is_it = [&](const Made& made) {
      return made.entered == entered && made.reason == reason;
    };
    if (last_ < made_.size() && is_it(made_[last_])) return made_[last_];
    const auto found = std::find_if(made_.begin(), made_.end(), is_it);
    last_ = static_cast<std::size_t>(found - made_.begin());
    if (found == made_.end()) {
      made_.push_back({entered, reason, true, {}});
      made_.back().rows.reserve(kFewRows);
    }
    return made_[last_];
  }

  static storage::MembershipGroup group_of(Made& made, const std::string& segment,
                                           std::uint64_t version) {
    if (!made.is_ascending) {
      std::sort(made.rows.begin(), made.rows.end(),
                [](const Row& a, const Row& b) { return a.person < b.person; });
    }
    storage::MembershipGroup group{segment, version, made.entered, made.reason, {}, {}};
    const bool has_times = made.reason == storage::ChangeReason::Event ||
                           made.reason == storage::ChangeReason::Expired;
    group.people.reserve(made.rows.size());
    if (has_times) group.times.reserve(made.rows.size());
    for (const Row& row : made.rows) {
      group.people.push_back(row.person);
      if (has_times) group.times.push_back(row.time);
    }
    return group;
  }

  static constexpr std::size_t kFewRows = 16;
  std::vector<Made> made_;
  std::size_t last_ = 0;  // Of made_: the one that was added to.
};

}  // namespace muster::engine
