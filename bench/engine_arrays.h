// Plain arrays of the fields and events that a question asks for: what a column scan reads, and
// what the sets of the CRoaring baseline are made from.
//
// Only what the present question needs is in memory; what the next one needs too stays.
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "bench/engine_question.h"
#include "bench/engine_sets.h"

namespace muster::bench {

// A number per person above the field's least, in 1, 2, 4 or 8 bytes; the greatest means none.
class NumberArray {
 public:
  NumberArray(const Population& population, std::size_t field);
  ArrayView view() const { return {.data = bytes_.get(), .width = width_, .size = people_}; }
  // The number that stands for a key, cut to what the array can hold.
  std::uint64_t number_of(std::int64_t key) const;
  std::uint64_t none() const { return width_ == 8 ? ~0ULL : (1ULL << (8 * width_)) - 1; }
  std::uint64_t at(std::uint32_t person) const;

 private:
  std::int64_t low_;
  std::uint64_t range_;
  std::uint8_t width_;
  std::uint32_t people_;
  std::unique_ptr<std::byte[]> bytes_;
};

// The elements of person p are codes[starts[p]] to codes[starts[p + 1]].
struct ListArray {
  ListArray(const Population& population, std::size_t field);
  std::vector<std::uint32_t> starts;
  std::vector<std::uint8_t> codes;
};

// The events of person p are rows starts[p] to starts[p + 1], oldest first.
struct EventArray {
  EventArray(const Population& population, std::size_t event);
  std::vector<std::uint32_t> starts;
  std::vector<std::int64_t> times;
  std::vector<std::uint32_t> amounts;
};

class Arrays {
 public:
  explicit Arrays(const Population& population) : population_(population) {}

  // Makes what the question needs and lets go of the rest.
  void prepare(const Question& question);

  const Population& population() const { return population_; }
  // Require that the prepared question asks for it.
  const NumberArray& numbers(std::size_t field) const { return *numbers_.at(field); }
  const ListArray& lists(std::size_t field) const { return *lists_.at(field); }
  const EventArray& events(std::size_t event) const { return *events_.at(event); }

 private:
  const Population& population_;
  std::map<std::size_t, std::unique_ptr<NumberArray>> numbers_;
  std::map<std::size_t, std::unique_ptr<ListArray>> lists_;
  std::map<std::size_t, std::unique_ptr<EventArray>> events_;
};

// The fields and kinds of events that a question asks for.
struct Needs {
  std::set<std::size_t> fields, events;
};
Needs needs_of(const Question& question);

}  // namespace muster::bench
