// The saved segments of one person, as a look-up tells them, are those whose members a question
// finds: for more segments of one form than are worked out at once, and sums of any size.
//
// MUSTER_CASES=n takes n worlds instead of 6; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/engine/standing_case.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

using engine::Permission;

constexpr std::uint32_t kSegments = 320, kPeople = 12;
constexpr const char* kNames[] = {"a", "b"};

// What a look-up is asked about.
class ManySegments {
 public:
  explicit ManySegments(std::uint64_t seed) : random_(seed) {
    EXPECT_TRUE(test_.declare(R"({"fields": {"profiles.age": {"type": "int64"},
                                             "a.sum": {"type": "int64"},
                                             "b.sum": {"type": "decimal", "scale": 2}}})"));
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      Person person{.id = id(i), .attributes = {}, .events = {}};
      if (random_.below(4) != 0) person.attributes["age"] = number(random_.below(8));
      EXPECT_TRUE(test_.profiles({profile_row(person)}));
    }
    for (std::uint32_t i = 0; i < kSegments; ++i) save("s" + std::to_string(i), where());
  }

  void step() {
    std::vector<Row> rows;
    for (std::uint32_t left = random_.below(60); left > 0; --left) {
      const std::string name = kNames[random_.below(2)];
      PlainEvent event{.id = "e" + std::to_string(events_++), .name = name, .properties = {}};
      // Some are of the future.
      event.time = test_.engine().now() + kDay - static_cast<TimeMs>(random_.below(20 * 86'400)) *
                                                     1'000;
      if (random_.below(5) != 0) event.properties["sum"] = number(amount());
      rows.push_back(event_row(id(random_.below(kPeople)), event));
    }
    if (!rows.empty()) {
      EXPECT_TRUE(test_.events(rows));
    }
    test_.clock().advance(random_.below(3) * kDay / 2);
  }

  // At a moment that no commit has seen.
  void compare() {
    test_.clock().advance(random_.below(2) * 7'200'000);
    std::map<std::string, std::vector<std::string>> segments_of;
    for (const std::string& segment : segments_) {
      const auto found = test_.members(question("in segment \"" + segment + "\""));
      if (!found) continue;  // A sum leaves 128 bits: for nobody is there an answer.
      for (const std::string& person : *found) segments_of[person].push_back(segment);
    }
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      const auto profile = test_.engine().profile(pass<Permission::Members>(), id(i));
      ASSERT_TRUE(profile);
      EXPECT_EQ(segments_of[id(i)], profile->segments) << id(i);
    }
  }

 private:
  static std::string id(std::uint32_t i) { return "p" + std::to_string(i); }
  static PlainField number(std::int64_t value) { return {false, {Decimal{value, 0}}}; }

  // Some sums of them leave 62 bits, and 64.
  std::int64_t amount() {
    const std::int64_t sign = random_.below(2) == 0 ? 1 : -1;
    if (random_.below(30) == 0) return sign * 4'000'000'000'000'000'000;
    return sign * static_cast<std::int64_t>(random_.below(50));
  }

  std::string window() {
    switch (random_.below(4)) {
      case 0: return "";
      case 1: return " today";
      case 2: return " between 9d and 3d ago";
      default: return " in last " + std::to_string(1 + random_.below(12)) + "d";
    }
  }

  std::string leaf() {
    const std::string of = kNames[random_.below(2)];
    const auto some = [&](std::uint32_t below) { return std::to_string(random_.below(below)); };
    switch (random_.below(6)) {
      case 0: return "age >= " + some(8);
      case 1: return "did not \"" + of + "\"" + window();
      case 2: return "count(\"" + of + "\"" + window() + ") >= " + some(4);
      case 3: return "count(\"" + of + "\"" + window() + ") in (1, 3, 4)";
      case 4: return "sum(sum of \"" + of + "\"" + window() + ") > " + some(60);
      default: return "sum(sum of \"" + of + "\"" + window() + ") != 0";
    }
  }

  // Most are of a few forms, so that there are many of each.
  std::string where() {
    switch (random_.below(8)) {
      case 0: return leaf();
      case 1: return "not (" + leaf() + ") or " + leaf();
      case 2: return "at least 2 of (" + leaf() + ", " + leaf() + ", " + leaf() + ")";
      case 3: return random_.below(2) == 0 ? "everyone" : "nobody";
      default: return leaf() + " and " + leaf();
    }
  }

  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    const auto put = test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
    ASSERT_TRUE(put) << where << "\n" << put.error().message;
    segments_.insert(id);
  }

  Random random_;
  TestEngine test_{default_rows(), kRandomNow};
  std::set<std::string> segments_;  // In the order in which they are told.
  std::uint64_t events_ = 0;
};

TEST(Memberships, AreThoseThatQuestionsFind) {
  const int worlds = cases_of_run(6, 1);
  for (int i = 0; i < worlds && !::testing::Test::HasFailure(); ++i) {
    const std::uint64_t seed = seed_of_run() + static_cast<std::uint64_t>(i);
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
    ManySegments world(seed);
    for (int step = 0; step < 6 && !::testing::Test::HasFailure(); ++step) {
      world.step();
      world.compare();
    }
  }
}

}  // namespace
}  // namespace muster::testing
