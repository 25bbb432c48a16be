#include "bench/engine_scan.h"

#include <cstring>

#include "base/check.h"

namespace muster::bench {
namespace {

using Op = Question::Op;

std::uint64_t number_at(const ArrayView& array, std::uint32_t person) {
  switch (array.width) {
    case 1:
      return static_cast<const std::uint8_t*>(array.data)[person];
    case 2:
      return static_cast<const std::uint16_t*>(array.data)[person];
    case 4:
      return static_cast<const std::uint32_t*>(array.data)[person];
    default:
      return static_cast<const std::uint64_t*>(array.data)[person];
  }
}

}  // namespace

bool sum_reaches(const EventArray& events, std::uint32_t person, TimeMs from, std::int64_t least) {
  std::int64_t sum = 0;
  for (std::uint32_t row = events.starts[person + 1]; row-- > events.starts[person];) {
    if (events.times[row] < from) break;
    sum += events.amounts[row];
  }
  return sum >= least;
}

Scan::Scan(const Question& question, const Arrays& arrays)
    : root_(node_of(question, arrays)), people_(arrays.population().people()) {}

Scan::Node Scan::node_of(const Question& question, const Arrays& arrays) const {
  Node node{.op = question.op};
  for (const Question& child : question.children) {
    node.children.push_back(node_of(child, arrays));
  }
  node.least = question.least;
  if (question.op == Op::Events || question.op == Op::Sum) {
    node.events = &arrays.events(question.event);
    node.from = question.window_start();
  } else if (question.op == Op::Range) {
    const NumberArray& numbers = arrays.numbers(question.field);
    node.array = numbers.view();
    node.low = numbers.number_of(question.low);
    node.high = numbers.number_of(question.high);
  } else if (question.op == Op::In) {
    const bool is_list = kFields[question.field].type.list;
    if (is_list) node.lists = &arrays.lists(question.field);
    if (!is_list) node.array = arrays.numbers(question.field).view();
    CHECK(is_list || node.array.width <= 2);
    node.is_asked.resize(is_list || node.array.width == 1 ? 256 : 65'536);
    for (const std::uint32_t code : question.codes)
      node.is_asked[code] = 1;
  }
  return node;
}

bool Scan::happened(const Node& node, std::uint32_t person) {
  const EventArray& events = *node.events;
  const std::uint32_t begin = events.starts[person];
  std::int64_t found = 0;
  for (std::uint32_t row = events.starts[person + 1]; row-- > begin;) {
    if (events.times[row] < node.from) break;
    if (++found >= node.least) return true;
  }
  return false;
}

bool Scan::holds(const Node& node, std::uint32_t person) {
  switch (node.op) {
    case Op::And:
      for (const Node& child : node.children) {
        if (!holds(child, person)) return false;
      }
      return true;
    case Op::Or:
      for (const Node& child : node.children) {
        if (holds(child, person)) return true;
      }
      return false;
    case Op::Not:
      return !holds(node.children[0], person);
    case Op::In: {
      if (node.lists == nullptr) return node.is_asked[number_at(node.array, person)] != 0;
      const std::uint32_t end = node.lists->starts[person + 1];
      for (std::uint32_t i = node.lists->starts[person]; i < end; ++i) {
        if (node.is_asked[node.lists->codes[i]] != 0) return true;
      }
      return false;
    }
    case Op::Range: {
      const std::uint64_t number = number_at(node.array, person);
      return number >= node.low && number <= node.high;
    }
    case Op::Events:
      return happened(node, person);
    case Op::Sum:
      return sum_reaches(*node.events, person, node.from, node.least);
  }
  CHECK(!"every operator is known");
}

std::uint64_t Scan::count() const {
  std::uint64_t found = 0;
  for (std::uint32_t person = 0; person < people_; ++person) {
    found += holds(root_, person) ? 1 : 0;
  }
  return found;
}

}  // namespace muster::bench
