// Whom a commit was about, and why that changes an answer.
//
// Thread safety: immutable once made.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "index/touched.h"
#include "query/standing.h"
#include "storage/record.h"

namespace muster::engine {

// Why an answer is another one.
struct Cause {
  storage::ChangeReason reason = storage::ChangeReason::Attribute;
  TimeMs time = 0;  // 0: when it became known.
};
// The one that is told when several things changed an answer: of events the latest.
Cause stronger(const Cause& a, const Cause& b);

class TouchedPeople {
 public:
  explicit TouchedPeople(const index::Touched& touched);

  // Of whom everything may be another one, ascending: those who came or became somebody else.
  std::span<const index::Ordinal> anew() const { return anew_; }
  // Of somebody of them: that they were joined, else what they have.
  Cause cause_anew(index::Ordinal person) const;
  // People ascending, each once.
  using Visit = std::function<void(const std::string& name, std::span<const index::Ordinal>)>;
  void for_each_attribute(const Visit& visit) const;
  // Whose events went.
  void for_each_forgotten(const Visit& visit) const;
  // `latest` has the time of the latest of those events of each of them.
  using VisitEvents =
      std::function<void(const std::string& name, std::span<const index::Ordinal> people,
                         std::span<const TimeMs> latest)>;
  void for_each_event(const VisitEvents& visit) const;
  // The latest event that the uses name, else that they were joined, else what they have.
  // Requires somebody of them.
  Cause cause(const query::Uses& uses, index::Ordinal person) const;

 private:
  std::map<std::string, std::vector<index::Touched::ByEvent>> events_;  // By person, time.
  std::map<std::string, std::vector<index::Ordinal>> values_, forgotten_;
  std::vector<index::Ordinal> joined_, anew_;
};

}  // namespace muster::engine
