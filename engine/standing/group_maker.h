// Changes of one segment on their way into groups.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/standing/touched_people.h"
#include "storage/record.h"

namespace muster::engine {

// Takes each person once for each of entered and left.
class GroupMaker {
 public:
  void add(index::Ordinal person, bool entered, const Cause& cause) {
    Made& made = made_of(entered, cause.reason);
    made.is_ascending &= made.people.empty() || made.people.back() < person;
    made.people.push_back(person);
    if (made.has_times) made.times.push_back(cause.time);
  }

  bool empty() const { return made_.empty(); }

  // Those who left first: whoever did both by one commit is there in the end.
  void move_into(const std::string& segment, std::uint64_t version,
                 std::vector<storage::MembershipGroup>& all) {
    std::sort(made_.begin(), made_.end(), [](const Made& a, const Made& b) {
      return a.entered != b.entered ? b.entered : a.reason < b.reason;
    });
    for (Made& made : made_) {
      if (!made.is_ascending) order(made);
      all.push_back({segment, version, made.entered, made.reason, std::move(made.people),
                     std::move(made.times)});
    }
    made_.clear();
    last_ = 0;
  }

 private:
  struct Made {
    bool entered = false;
    storage::ChangeReason reason = storage::ChangeReason::Event;
    bool has_times = false, is_ascending = true;
    std::vector<index::Ordinal> people;
    std::vector<TimeMs> times;  // Of each, where it has_times.
  };

  Made& made_of(bool entered, storage::ChangeReason reason) {
    const auto is_it = [&](const Made& made) {
      return made.entered == entered && made.reason == reason;
    };
    if (last_ < made_.size() && is_it(made_[last_])) return made_[last_];
    const auto found = std::find_if(made_.begin(), made_.end(), is_it);
    last_ = static_cast<std::size_t>(found - made_.begin());
    if (found == made_.end()) {
      const bool has_times = reason == storage::ChangeReason::Event ||
                             reason == storage::ChangeReason::Expired;
      Made& made = made_.emplace_back(Made{entered, reason, has_times, true, {}, {}});
      made.people.reserve(kFewRows);
      if (has_times) made.times.reserve(kFewRows);
    }
    return made_[last_];
  }

  static void order(Made& made) {
    if (!made.has_times) return std::sort(made.people.begin(), made.people.end());
    std::vector<std::pair<index::Ordinal, TimeMs>> rows;
    rows.reserve(made.people.size());
    for (std::size_t i = 0; i < made.people.size(); ++i) {
      rows.emplace_back(made.people[i], made.times[i]);
    }
    std::sort(rows.begin(), rows.end());  // Nobody is there twice.
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::tie(made.people[i], made.times[i]) = rows[i];
    }
  }

  static constexpr std::size_t kFewRows = 16;
  std::vector<Made> made_;
  std::size_t last_ = 0;  // Of made_: the one that was added to.
};

}  // namespace muster::engine
