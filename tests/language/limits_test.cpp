// Texts of hostile shapes: refused, or read, and quickly either way.
#include <gtest/gtest.h>
#include <time.h>

#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/limits.h"
#include "query/language/language.h"
#include "tests/support/shared_data.h"

namespace muster::query {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

std::string joined(const std::string& text, const std::string& between, std::size_t times) {
  return repeated(text + between, times - 1) + text;
}

// Time this thread has run: other programs share the machine.
std::chrono::nanoseconds thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds fastest_of_three(const auto& work) {
  auto fastest = std::chrono::nanoseconds::max();
  for (int run = 0; run < 3; ++run) {
    const auto begin = thread_time();
    work();
    fastest = std::min(fastest, thread_time() - begin);
  }
  return fastest;
}

// What the largest tree takes that is read, here and now.
std::chrono::nanoseconds time_of_largest() {
  const std::string largest = joined("a", " or ", kNodesMax - 1);
  return fastest_of_three([&] { ASSERT_TRUE(parse(largest)); });
}

// A refusal takes 10 ms at most; on a machine that is slow just now, no longer than reading.
void expect_refused_quickly(const std::string& text) {
  const auto fastest = fastest_of_three([&] {
    const auto tree = parse(text);
    ASSERT_FALSE(tree);
    ASSERT_FALSE(tree.error().message.empty());
  });
  if (fastest < std::chrono::milliseconds(10)) return;
  EXPECT_LT(fastest, 3 * time_of_largest());
}

void expect_read(const std::string& text) {
  const auto tree = parse(text);
  ASSERT_TRUE(tree) << tree.error().message;
  const auto again = parse(print(*tree));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(equal(*tree, *again));
  const auto json = from_json(to_json(*tree));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_TRUE(equal(*tree, *json));
  EXPECT_EQ(canonical_hash(*tree), canonical_hash(*json));
}

// A shape of the shared list at one size; nothing for shapes that are no single text.
std::string rendered(const std::string& shape, std::size_t size) {
  const std::string leaf = "a = 1";
  if (shape == "not-chain") return repeated("not ", size) + leaf;
  if (shape == "left-deep-and") return repeated("(", size) + leaf + repeated(" and b)", size);
  if (shape == "right-deep-or") return repeated("a or (", size) + leaf + repeated(")", size);
  if (shape == "wide-or") return joined(leaf, " or ", size);
  if (shape == "parentheses") return repeated("(", size) + leaf + repeated(")", size);
  if (shape == "unbalanced") return repeated("(", size);
  if (shape == "in-list") return "a in (" + joined("17", ",", size) + ")";
  if (shape == "distribute") return joined("(a = 1 or b = 2)", " and ", size);
  if (shape == "tautology") return joined("a or not a", " or ", size);
  if (shape == "long-string") return "a = '" + std::string(size, 'x') + "'";
  return "";
}

// The largest size of each shape that is read.
const std::map<std::string, std::size_t>& read_up_to() {
  static const std::map<std::string, std::size_t> sizes = {
      {"not-chain", 64},    {"left-deep-and", 64},     {"right-deep-or", 64}, {"wide-or", 3'333},
      {"parentheses", 64},  {"unbalanced", 0},         {"in-list", 200'000},  {"distribute", 1'000},
      {"tautology", 3'000}, {"long-string", 1'000'000}};
  return sizes;
}

TEST(Limits, HostileShapesAreReadOrRefusedQuickly) {
  RETURN_WITHOUT_SHARED_DATA();
  std::ifstream file(*testing::shared_data() / "data/hostile/expressions/shapes.json");
  std::stringstream text;
  text << file.rdbuf();
  std::size_t seen = 0;
  const boost::json::value shapes = boost::json::parse(text.str());
  for (const auto& entry : shapes.at("shapes").as_array()) {
    const std::string name(entry.at("name").as_string());
    const auto& object = entry.as_object();
    for (const char* const key : {"depth", "width", "bytes"}) {
      if (!object.contains(key) || rendered(name, 1).empty()) continue;
      for (const auto& value : object.at(key).as_array()) {
        const auto size = value.to_number<std::size_t>();
        SCOPED_TRACE(name + " of " + std::to_string(size));
        ++seen;
        if (size <= read_up_to().at(name)) {
          expect_read(rendered(name, size));
        } else {
          expect_refused_quickly(rendered(name, size));
        }
      }
    }
  }
  EXPECT_GE(seen, 25U);
}

TEST(Limits, DepthOf64IsReadAndOneMoreIsNot) {
  for (const std::string shape : {"not-chain", "left-deep-and", "right-deep-or", "parentheses"}) {
    SCOPED_TRACE(shape);
    expect_read(rendered(shape, kNestingMax));
    expect_refused_quickly(rendered(shape, kNestingMax + 1));
  }
  expect_read("x = " + joined("1", " + ", kNestingMax + 1));
  expect_refused_quickly("x = " + joined("1", " + ", kNestingMax + 2));
  expect_read("x = " + joined("y", " * ", kNestingMax + 1));
  expect_refused_quickly("x = " + repeated("(", 40) + "1" + repeated(" + 1)", 40));
  expect_read(repeated("did \"x\" where (", kNestingMax - 1) + "did \"y\"" +
              repeated(")", kNestingMax - 1));
  expect_refused_quickly(repeated("did \"x\" where (", kNestingMax) + "did \"y\"" +
                         repeated(")", kNestingMax));
  for (const std::string shape : {"any x where (", "count(\"x\" where (", "tile(5, x among (",
                                  "sequence(\"x\" where (", "at least 1 of (", "date(", "-(", "--",
                                  "days between ", "did \"x\" since first(\"x\" since "}) {
    SCOPED_TRACE(shape);
    expect_refused_quickly(repeated(shape, 20'000));
    expect_refused_quickly("x = " + repeated(shape, 20'000));
  }
}

TEST(Limits, TooManyNodesAreRefused) {
  expect_read(joined("a", " or ", kNodesMax - 1));
  expect_refused_quickly(joined("a", " or ", kNodesMax));
  expect_refused_quickly("sequence(" + joined("\"x\"", " then ", kNodesMax) + ")");
}

TEST(Limits, TooLongATextIsRefused) {
  const std::string most = "a = '" + std::string(kSegmentTextBytesMax - 6, 'x') + "'";
  expect_read(most);
  expect_refused_quickly(most + " ");
  // Fits as it stands, but not when written out with its blanks.
  const std::string dense = "a in (" + joined("1", ",", kSegmentTextBytesMax / 2 - 10) + ")";
  ASSERT_LE(dense.size(), kSegmentTextBytesMax);
  const auto tree = parse(dense);
  ASSERT_FALSE(tree);
  EXPECT_EQ(ErrorCode::LimitExceeded, tree.error().code);
}

TEST(Limits, HostileJsonIsRefused) {
  for (const std::string& json :
       {repeated("[", 100'000), repeated("{\"not\":", 100'000),
        repeated("{\"not\":", 65) + "{\"everyone\":{}}" + repeated("}", 65),
        repeated("{\"and\":[", 1'000) + repeated("]}", 1'000),
        "{\"or\":[" + joined("{\"everyone\":{}}", ",", kNodesMax) + "]}",
        "[" + joined("[]", ",", 700'000) + "]", "{\"x\":\"" + std::string(6U << 20, 'x') + "\"}"}) {
    const auto tree = from_json(json);
    ASSERT_FALSE(tree);
    EXPECT_FALSE(tree.error().message.empty());
  }
  const auto deepest =
      from_json(repeated("{\"not\":", 64) + "{\"everyone\":{}}" + repeated("}", 64));
  EXPECT_TRUE(deepest);
}

}  // namespace
}  // namespace muster::query
