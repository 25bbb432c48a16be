// Random people are joined at random, and go on doing things under any of their ids: every answer
// is the one that the naive evaluator gives for the joined people.
#include <gtest/gtest.h>

#include <map>

#include "query/language/language.h"
#include "storage/checkpoint_store.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Permission;
using storage::TableKind;

class JoinedWorld {
 public:
  explicit JoinedWorld(Random& random)
      : random_(random),
        people_(random_people(random, {.people = 60})),
        segments_(random, people_) {
    test_.keep_checkpoints(checkpoints_);
    EXPECT_TRUE(test_.restart());
    EXPECT_TRUE(test_.load(people_, Declare::Everything));
    for (const Person& person : people_.people) ids_[person.id] = person.id;
  }

  void step() {
    switch (random_.below(4)) {
      case 0:
      case 1: join(some_id(), some_id()); break;
      case 2: again(some_id()); break;
      case 3: compare(); break;
    }
    if (random_.below(25) == 0) restart();
  }

  void compare() {
    const std::string where = segments_.predicate(2);
    SCOPED_TRACE(where);
    const auto tree = query::parse(where);
    ASSERT_TRUE(tree);
    const NaiveContext context{.now = kRandomNow, .zone = people_.timezone};
    const auto members = test_.members(question(where));
    ASSERT_TRUE(members) << members.error().message;
    EXPECT_EQ(naive_members(people_, context, *tree), *members);
  }

 private:
  std::string some_id() {
    return std::next(ids_.begin(), random_.below(static_cast<std::uint32_t>(ids_.size())))->first;
  }

  void join(const std::string& into, const std::string& id) {
    const auto receipt = test_.engine().ingest(
        pass<Permission::Ingest>(),
        {.table = TableKind::Identities,
         .bytes = test_.spelling().write({{{"profile", text(into)}, {"anonymous", text(id)}}})});
    ASSERT_TRUE(receipt) << receipt.error().message;
    const std::string to = ids_.at(into);
    if (ids_.at(id) != id || to == id) return;  // It is somebody already.
    const Person from = *people_.find(id);
    std::erase_if(people_.people, [&](const Person& person) { return person.id == id; });
    Person& whole = people_.find_or_add(to);
    std::erase_if(whole.attributes, [](const auto& attribute) {
      const PlainField& value = attribute.second;  // An empty list is as good as none.
      return value.list && value.values.empty() && value.objects.empty();
    });
    for (const auto& [name, value] : from.attributes) whole.attributes.try_emplace(name, value);
    whole.events.insert(whole.events.end(), from.events.begin(), from.events.end());
    for (auto& [one, whose] : ids_) {
      if (whose == id) whose = to;
    }
  }

  // They do once more what they did before, under any of their ids.
  void again(const std::string& id) {
    Person& person = people_.find_or_add(ids_.at(id));
    if (person.events.empty()) return;
    PlainEvent event =
        person.events[random_.below(static_cast<std::uint32_t>(person.events.size()))];
    event.id = "again-" + std::to_string(++events_);
    person.events.push_back(event);
    const auto receipt = test_.events({event_row(id, event)});
    ASSERT_TRUE(receipt) << receipt.error().message;
    ASSERT_EQ(1U, receipt->accepted) << receipt->errors.front().reason;
  }

  void restart() {
    if (random_.below(2) == 0) {
      ASSERT_TRUE(test_.take_checkpoint());
    }
    test_.start_from(random_.below(2) == 0 ? engine::Base::Nothing
                                           : engine::Base::NewestCheckpoint);
    ASSERT_TRUE(test_.restart());
  }

  Random& random_;
  TemporaryFolder folder_;
  const storage::CheckpointStore checkpoints_{folder_.path()};
  TestEngine test_{default_rows(), kRandomNow};
  People people_;
  RandomSegment segments_;
  std::map<std::string, std::string> ids_;  // Id -> whose it is by now.
  int events_ = 0;
};

TEST(JoiningModel, AnswersAreThoseOfTheJoinedPeople) {
  Random random;
  for (int round = 0; round < 6; ++round) {
    JoinedWorld world(random);
    for (int step = 0; step < 120 && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("round " + std::to_string(round) + ", step " + std::to_string(step));
      world.step();
    }
  }
}

}  // namespace
}  // namespace muster::testing
