// What depends on the other people: tiles and tops. And the sample, which depends on the id.
#include <algorithm>

#include "base/hash.h"
#include "tests/support/naive_aggregate.h"

namespace muster::testing {
namespace {

using query::Node;

struct Ranked {
  const Person* person = nullptr;
  NaiveValue value;
};

// Everybody for whom `among` holds (null: everybody) and who has the value.
std::vector<Ranked> ranked(const Scope& scope, const Node& value, const Node* among) {
  std::vector<Ranked> people;
  for (const Person& person : scope.data->people) {
    Scope own = scope;
    own.person = &person;
    if (among != nullptr && !naive_test(own, *among)) continue;
    NaiveValue found = naive_value_of(own, value);
    if (!std::holds_alternative<Missing>(found)) people.push_back({&person, std::move(found)});
  }
  return people;
}

}  // namespace

NaiveValue naive_tile(const Scope& scope, const Node& node) {
  const Node* among = node.children.size() > 1 ? node.children[1].get() : nullptr;
  const std::vector<Ranked> people = ranked(scope, *node.children[0], among);
  const auto own = std::find_if(people.begin(), people.end(), [&](const Ranked& each) {
    return each.person == scope.person;
  });
  if (own == people.end()) return Missing();
  const auto smaller = std::count_if(people.begin(), people.end(), [&](const Ranked& each) {
    return naive_less(each.value, own->value);
  });
  return Rational(1 + node.count * smaller / static_cast<std::int64_t>(people.size()));
}

bool naive_top(const Scope& scope, const Node& node) {
  std::vector<Ranked> people = ranked(scope, *node.children[1], node.children[0].get());
  std::sort(people.begin(), people.end(), [&](const Ranked& a, const Ranked& b) {
    if (naive_less(a.value, b.value)) return !node.descending;
    if (naive_less(b.value, a.value)) return node.descending;
    return a.person->id < b.person->id;
  });
  if (static_cast<std::int64_t>(people.size()) > node.count) {
    people.resize(static_cast<std::size_t>(node.count));
  }
  return std::any_of(people.begin(), people.end(),
                     [&](const Ranked& each) { return each.person == scope.person; });
}

bool naive_sample(const Scope& scope, const Node& node) {
  // The hash as a fraction of all hashes is below the share.
  const Rational all = Rational(boost::multiprecision::cpp_int(1) << 64);
  const Rational fraction = Rational(hash64(scope.person->id, hash64(node.text))) / all;
  return fraction < rational_of(node.percent.value) / 100;
}

}  // namespace muster::testing
