// The naive evaluator: the meaning of the language once more, row by row, slow and plainly right.
//
// It reads the tree and the plain people and shares no code with query/plan, query/execute or the
// index. Answers of the product are compared with its own.
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "query/language/ast.h"
#include "tests/support/naive_value.h"
#include "tests/support/people.h"

namespace muster::testing {

struct NaiveContext {
  TimeMs now = 0;
  std::string zone = "UTC";                             // Of the question.
  std::map<std::string, query::NodePtr> segments = {};  // By name.
  std::map<std::string, query::NodePtr> traits = {};    // By name: values.
  std::map<std::string, std::vector<std::string>> lists = {};  // Profile ids, by name.
};

// Requires a tree of constructs that this evaluator knows; others stop the program.
bool naive_contains(const People& people, const NaiveContext& context, const query::NodePtr& tree,
                    const Person& person);
// Profile ids, sorted.
std::vector<std::string> naive_members(const People& people, const NaiveContext& context,
                                       const query::NodePtr& tree);

}  // namespace muster::testing
