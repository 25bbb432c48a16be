// Saved segments in an engine of a test's own, and the short words to move people in and out.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "tests/engine/moving_world.h"

namespace muster::testing {

// Who is in segments by the change stream, read from its first row on.
class ToldMembers {
 public:
  void read(const engine::Engine& engine) {
    while (next_ < engine.next_change()) {
      const auto read = engine.changes(pass<engine::Permission::Members>(), {.from = next_});
      ASSERT_TRUE(read);
      for (const engine::ChangeRow& row : read->rows) {
        auto& people = members_[row.segment];
        ASSERT_TRUE(row.profile_id);
        const bool is_news = row.entered ? people.insert(*row.profile_id).second
                                         : people.erase(*row.profile_id) == 1;
        ASSERT_TRUE(is_news) << *row.profile_id << ", segment " << row.segment;
      }
      next_ = read->next;
    }
  }

  std::vector<std::string> of(const std::string& segment) {
    const auto& people = members_[segment];
    return {people.begin(), people.end()};
  }

 private:
  std::uint64_t next_ = 1;
  std::map<std::string, std::set<std::string>> members_;
};

class StandingCase : public ::testing::Test {
 protected:
  void declare(const std::string& json) {
    const Status declared = test_.declare(json);
    ASSERT_TRUE(declared) << declared.error().message;
  }

  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    const auto put = test_.engine().put_segment(pass<engine::Permission::Define>(), id, json.str());
    ASSERT_TRUE(put) << where << "\n" << put.error().message;
  }

  void has(const std::string& who, const std::string& attribute, const PlainField& value) {
    Person person{.id = who, .attributes = {}, .events = {}};
    person.attributes[attribute] = value;
    ASSERT_TRUE(test_.profiles({profile_row(person)}));
  }

  void did(const std::string& who, const std::string& name, TimeMs at,
           const PlainFields& properties = {}) {
    const std::string id = who + name + std::to_string(at);
    PlainEvent event{.id = id, .name = name, .time = at, .properties = properties};
    ASSERT_TRUE(test_.events({event_row(who, event)}));
  }

  // As the last commit left it.
  std::uint64_t members_at_once(const std::string& id) {
    const auto size = test_.engine().segment_size(pass<engine::Permission::Query>(), id);
    EXPECT_TRUE(size);
    EXPECT_EQ(size ? size->failure : "", "");
    return size ? size->members : ~0ULL;
  }

  std::uint64_t members(const std::string& id) {
    EXPECT_TRUE(test_.engine().keep_up(pass<engine::Permission::Admin>()));
    return members_at_once(id);
  }

  void remove(const std::string& id) {
    ASSERT_TRUE(test_.engine().delete_segment(pass<engine::Permission::Define>(), id));
  }

  // Whether those who are in it, by what was told and by their number, are those whom a fresh
  // question finds.
  void compare_people(const std::string& id, const std::string& where) {
    const auto fresh = test_.members(question("in segment \"" + id + "\""));
    ASSERT_TRUE(fresh) << where;
    told_.read(test_.engine());
    EXPECT_EQ(*fresh, told_.of(id)) << where;
    EXPECT_EQ(fresh->size(), members_at_once(id)) << where;
  }

  TestEngine test_{default_rows(), kRandomNow};
  ToldMembers told_;
};

}  // namespace muster::testing
