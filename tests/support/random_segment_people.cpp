// Random tests of values with each other, of memberships, and of ranks.
#include "tests/support/random_segment.h"

namespace muster::testing {

std::string RandomSegment::date_part_test(const Place& place) {
  const std::string time = place.in_event ? "ts" : one_of({"seen", "seen", "last(\"purchase\")"});
  switch (random_.below(5)) {
    case 0:
      return "hour(" + time + ")" + compare() + std::to_string(random_.below(24));
    case 1:
      return "weekday(" + time + ") in (1, 6, 7)";
    case 2:
      return "date(" + time + ")" + compare() + one_of({"2024-03-10", "2024-02-09"});
    case 3:
      return std::string(one_of({"month(", "day(", "week("})) + time + ")" + compare() +
             std::to_string(random_.below(12));
    default:
      return "year(" + time + ") * 4 + quarter(" + time + ")" + compare() + "8097";
  }
}

// Values compared with values of the same row.
std::string RandomSegment::two_values_test(const Place& place) {
  if (place.in_event) {
    return std::string("ts") + compare() + one_of({"now", "profile.seen", "profile.joined"});
  }
  switch (random_.below(7)) {
    case 6:
      return "any sizes" + std::string(one_in(2) ? " not" : "") + " between age and age + 20";
    case 0:
      return "points" + compare() + "age";
    case 1:
      return "income - 0.5" + compare() + "age / 3";
    case 2:
      return "seen" + compare() + one_of({"joined", "last(\"purchase\")", "now"});
    case 3:
      return "max(due of \"purchase\")" + compare() + one_of({"joined", "2024-02-01"});
    case 4:
      return "plan" + std::string(one_in(2) ? " = " : " != ") + "country";
    default:
      return "points between age - 40 and 2 * count(" + events(some_event()) + ") + 300";
  }
}

std::string RandomSegment::membership_test() {
  const auto pick = [this](const std::vector<std::string>& names) {
    return quoted(names[random_.below(static_cast<std::uint32_t>(names.size()))]);
  };
  const std::string negation = one_in(3) ? "not " : "";
  if (!is_alone_ && one_in(3)) {
    return negation + "sample " +
           one_of({"30%", "0%", "100%", "12.5% salt \"x\"", "50% salt \"y\""});
  }
  if (!is_alone_ && one_in(2)) return tile_test();
  if (!lists_.empty() && (segments_.empty() || one_in(3))) {
    return negation + "in list " + pick(lists_);
  }
  return segments_.empty() ? "everyone" : negation + "in segment " + pick(segments_);
}

std::string RandomSegment::rankable() {
  return one_of({"points", "age", "joined", "income", "score", "last(\"purchase\")",
                 "count(\"purchase\")", "sum(amount of \"purchase\" in last 90d)",
                 "avg(amount / qty of \"purchase\")", "days between seen and now"});
}

std::string RandomSegment::tile_test() {
  std::string out = "tile(" + std::string(one_of({"2", "3", "5", "10"})) + ", " + rankable();
  if (one_in(2)) out += one_of({" among (vip)", " among (did \"purchase\")", " among (age > 30)"});
  if (one_in(4)) return out + ") is missing";
  return out + ")" + compare() + one_of({"1", "2", "3"});
}

std::string RandomSegment::top() {
  return "top " + std::string(one_of({"1", "2", "5", "17", "1000"})) + " by " + rankable() +
         one_of({"", " desc", " asc"});
}

}  // namespace muster::testing
