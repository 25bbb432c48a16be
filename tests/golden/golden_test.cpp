// Every tests/golden/*.case: the engine's answers stand in the file, and the naive evaluator
// gives the same. UPDATE_GOLDEN=1 rewrites the answers for review.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/golden/golden_support.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests" / "golden";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool is_update() { return std::getenv("UPDATE_GOLDEN") != nullptr; }

class Golden : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, AnswersAsWritten) {
  std::vector<GoldenBlock> blocks = read_case(read_file(GetParam()));
  GoldenRun run(default_rows());
  for (GoldenBlock& block : blocks) {
    SCOPED_TRACE(block.keyword + " " + block.rest);
    if (!is_question(block)) {
      const Status taken = run.take(block);
      ASSERT_TRUE(taken) << taken.error().message;
      continue;
    }
    const std::vector<std::string> answer = run.ask(block);
    const auto naive = run.ask_naive(block);
    EXPECT_EQ(naive.value_or(answer), answer) << "the naive evaluator's first";
    if (is_update()) {
      block.raw.resize(block.head_lines);
      block.raw.insert(block.raw.end(), answer.begin(), answer.end());
    } else {
      EXPECT_EQ(block.body, answer) << "the one in the case first";
    }
  }
  if (is_update()) std::ofstream(GetParam()) << write_case(blocks);
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(case_files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(GoldenFormat, WritesBackWhatItRead) {
  const std::string text = "# why\npeople\nana  a=1 b=\"x y\"\n\ncount a = 1\n  or a = 2\n1\n";
  const auto blocks = read_case(text);
  ASSERT_EQ(2U, blocks.size());
  EXPECT_EQ("a = 1 or a = 2", blocks[1].rest);
  EXPECT_EQ(std::vector<std::string>{"1"}, blocks[1].body);
  EXPECT_EQ(text, write_case(blocks));
}

TEST(GoldenFormat, FindsCases) { EXPECT_GE(case_files().size(), 10U); }

}  // namespace
}  // namespace muster::testing
