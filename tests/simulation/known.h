// What the simulated world knows to be true: plain people, segments and lists, and the changes that
// it may send to an engine.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/test_engine.h"

namespace muster::testing {

// One request, and what it does to what is known once it has happened.
struct Change {
  std::string what;
  // Returns whether the engine knew it from before.  Errors: the engine's, and Corrupt when the
  // receipt is not that of the request.
  std::function<Result<bool>(engine::Engine&)> send;
  std::function<void()> happen;
  // Has an idempotency key: sent again it does nothing.
  bool is_keyed = false;
  // The suppression file has it before the log: it happens, then or at the next start.
  bool is_erasure = false;
  std::set<std::string> erased = {};  // Whom: all ids.
  TimeMs made = 0;
};

class Known {
 public:
  Known(Random& random, const RowSpelling& spelling);

  const People& people() const { return people_; }
  // Members by the naive evaluator, sorted; the text is one of question().
  std::vector<std::string> members(const std::string& text, TimeMs now) const;
  std::string question();

  // Requires each to be sent, or given up, before the next is made by the same call.
  Change any_change(TimeMs now);
  // Of one person, who must be in no other change under way.
  Change erasure(TimeMs now);
  // Events from before are forgotten, and none from before come any more.
  void forget_events(TimeMs before);
  bool has_many() const { return people_.people.size() >= 20; }

 private:
  using Rows = std::vector<Row>;
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  std::string somebody();
  // The same, by any of their ids.
  std::string some_id();
  std::string whose(const std::string& id) const;
  std::string fresh_id() { return "new" + std::to_string(next_++); }
  Change rows_change(const std::string& what, storage::TableKind table, const std::string& name,
                     const Rows& rows, bool must_be_keyed, TimeMs now);

  Change update_people(TimeMs now);
  Change add_events(TimeMs now);
  Change send_events_again(TimeMs now);
  Change update_products(TimeMs now);
  Change join_people(TimeMs now);
  Change put_segment(TimeMs now);
  Change put_list(TimeMs now);

  Random& random_;
  const RowSpelling spelling_;
  People people_;
  RandomSegment definitions_;
  RandomSegment questions_;
  std::map<std::string, std::string> segments_;             // Text, by id.
  std::map<std::string, std::vector<std::string>> lists_;   // Profile ids, by id.
  std::map<std::string, std::string> joined_;  // Ids that are somebody else's by now: whose.
  std::map<std::string, std::string> senders_;  // By event id: the id that it was sent with.
  TimeMs events_since_ = kTimeMin;
  int next_ = 0;
};

}  // namespace muster::testing
