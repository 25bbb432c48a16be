// Saved segments in an engine of a test's own, and the short words to move people in and out.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/json_writer.h"
#include "tests/engine/moving_world.h"

namespace muster::testing {

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

  TestEngine test_{default_rows(), kRandomNow};
};

}  // namespace muster::testing
