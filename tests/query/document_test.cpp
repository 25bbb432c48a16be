// Every example of docs/segment-language.md gets an answer, but for what the page says has none.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

// The blocks of the page that are marked as segments.
std::vector<std::string> examples() {
  std::ifstream page(MUSTER_SOURCE_DIR "/docs/segment-language.md");
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```segment";
      if (inside) found.emplace_back();
    } else if (inside) {
      found.back() += line + "\n";
    }
  }
  return found;
}

TEST(Document, ExamplesAreAnswered) {
  World world;
  world.person("ana");
  world.allow_unknown();
  for (const char* name : {"vip", "staff"}) world.segment(name, "everyone");
  int answered = 0;
  for (const std::string& example : examples()) {
    const std::string answer = world.ask(example);
    const bool is_member_list = answer == "ana" || answer == "nobody";
    EXPECT_TRUE(is_member_list) << example << answer;
    ++answered;
  }
  EXPECT_GT(answered, 40);
}

}  // namespace
}  // namespace muster::testing
