// A life of changes against plain people: whatever came in, and in which order, the answers stay
// those of the naive evaluator; also after a restart, from a checkpoint or the whole log.
#include <gtest/gtest.h>

#include <set>

#include "query/language/language.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

class Life {
 public:
  explicit Life(Random& random)
      : random_(random),
        people_(random_people(random, {.people = 40})),
        segments_(random, people_),
        test_(default_rows(), kRandomNow) {
    test_.keep_checkpoints(checkpoints_);
    EXPECT_TRUE(test_.restart());
    const Status loaded = test_.load(people_, Declare::Everything, 25);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  }

  void step() {
    switch (random_.below(9)) {
      case 0:
      case 1: return update_people();
      case 2:
      case 3:
      case 4: return add_events();
      case 5: return send_events_again();
      case 6: return update_products();
      case 7: return take_checkpoint();
      default:
        if (random_.below(4) == 0) return erase_somebody();
        if (random_.below(3) == 0) restart();
    }
  }

  void compare() {
    const std::string text = segments_.predicate(3);
    const auto tree = query::parse(text);
    ASSERT_TRUE(tree) << text;
    const auto members = test_.members(question(text));
    ASSERT_TRUE(members) << text << "\n" << members.error().message;
    const NaiveContext context{.now = kRandomNow, .zone = people_.timezone};
    EXPECT_EQ(naive_members(people_, context, *tree), *members) << text;
  }

 private:
  Person& somebody() {
    return people_.people[random_.below(static_cast<std::uint32_t>(people_.people.size()))];
  }

  void expect_taken(const Result<engine::IngestReceipt>& receipt, std::size_t rows) {
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_EQ(rows, receipt->accepted);
    EXPECT_EQ(0U, receipt->rejected);
  }

  // Some fields change, some go, the others stay; now and then somebody new comes.
  void update_people() {
    const People fresh = random_people(random_, {.people = 1 + random_.below(8)});
    std::vector<Row> rows;
    for (const Person& source : fresh.people) {
      Person& person = random_.below(5) == 0
                           ? people_.find_or_add("new" + std::to_string(next_++)) : somebody();
      Row row{{"profile_id", PlainField{false, {person.id}}}};
      for (const auto& [name, field] : source.attributes) {
        if (random_.below(2) == 0) continue;
        if (random_.below(5) == 0) {
          row.emplace_back(name, std::nullopt);
          person.attributes.erase(name);
        } else {
          row.emplace_back(name, field);
          person.attributes[name] = field;
        }
      }
      rows.push_back(std::move(row));
    }
    expect_taken(test_.profiles(rows), rows.size());
  }

  // Earlier and later than what is there, for old and new people.
  void add_events() {
    const People fresh = random_people(random_, {.people = 1 + random_.below(6)});
    std::vector<Row> rows;
    for (const Person& source : fresh.people) {
      for (PlainEvent event : source.events) {
        Person& person = random_.below(12) == 0
                             ? people_.find_or_add("new" + std::to_string(next_++)) : somebody();
        event.id = random_.below(3) == 0 ? "" : "n" + std::to_string(next_++);
        rows.push_back(event_row(person.id, event));
        person.events.push_back(std::move(event));
      }
    }
    expect_taken(test_.events(rows), rows.size());
  }

  // What is known by its id changes nothing, also twice in one batch.
  void send_events_again() {
    std::vector<Row> rows;
    for (int i = 0; i < 4; ++i) {
      const Person& person = somebody();
      for (const PlainEvent& event : person.events) {
        if (!event.id.empty() && random_.below(2) == 0) {
          rows.push_back(event_row(person.id, event));
        }
      }
    }
    expect_taken(test_.events(rows), rows.size());
  }

  void update_products() {
    const People fresh = random_people(random_, {.people = 0});
    std::vector<Row> rows;
    for (const auto& [id, fields] : fresh.entities.at("product")) {
      if (random_.below(2) == 0) continue;
      rows.push_back(entity_row("product", id, fields));
      for (const auto& [name, field] : fields) people_.entities["product"][id][name] = field;
    }
    expect_taken(test_.entities("product", rows), rows.size());
  }

  void take_checkpoint() {
    const auto taken = test_.take_checkpoint();
    EXPECT_TRUE(taken) << taken.error().message;
  }

  void restart() {
    const Status restarted = test_.restart();
    EXPECT_TRUE(restarted) << restarted.error().message;
    EXPECT_TRUE(test_.notices().empty());
  }

  void erase_somebody() {
    if (people_.people.size() < 20) return;
    const std::string id = somebody().id;
    const auto receipt = test_.engine().erase(pass<engine::Permission::Define>(), id);
    ASSERT_TRUE(receipt) << receipt.error().message;
    std::erase_if(people_.people, [&id](const Person& person) { return person.id == id; });
  }

  Random& random_;
  People people_;
  RandomSegment segments_;
  TemporaryFolder folder_;
  storage::CheckpointStore checkpoints_{folder_.path()};
  TestEngine test_;
  int next_ = 0;
};

TEST(Life, StaysTheNaiveEvaluatorsThroughAllChanges) {
  Random random;
  for (int life = 0; life < 4; ++life) {
    Life one(random);
    for (int step = 0; step < 60; ++step) {
      SCOPED_TRACE("life " + std::to_string(life) + ", step " + std::to_string(step));
      one.step();
      for (int i = 0; i < 3; ++i) one.compare();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace muster::testing
