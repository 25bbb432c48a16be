// People whose addresses are shared, and a destination that knows them by these alone.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/connect/export_world.h"

namespace muster::connect::testing {

// Known by the address alone; what else is said of somebody is who they are.
inline constexpr const char* kByMail =
    R"(,"batch_size":3,"max_attempts":2,"retry_schedule_ms":[0,1000],"fields":{"mail":{}},)"
    R"("identify_by":["mail"],"requests":{)"
    R"("add":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
    R"("member":{"id":"{{mail}}","who":"{{id}}"}},)"
    R"("remove":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
    R"("member":{"id":"{{mail}}"}}})";

class SharedWorld : public World {
 public:
  explicit SharedWorld(std::uint64_t seed = 1) : World(seed) {}

  void put(index::Ordinal ordinal, const std::string& mail) {
    people.add(ordinal, mail);
    people.segments["buyers"].add(ordinal);
  }
  void leave(index::Ordinal ordinal) { people.segments["buyers"].remove(ordinal); }
  void run() {
    ASSERT_TRUE(exporter->start_run(pass, "buyers"));
    work();
  }
  // Under whom the destination has an address; "": it has not.
  std::string who(const std::string& mail) const {
    const auto found = receiver.holds.find(mail);
    if (found == receiver.holds.end()) return "";
    return std::string(boost::json::parse(found->second).at("who").as_string());
  }
  PersonView person(index::Ordinal ordinal) const {
    return *exporter->person(pass, "buyers", "p" + std::to_string(ordinal));
  }
};

}  // namespace muster::connect::testing
