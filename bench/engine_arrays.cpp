#include "bench/engine_arrays.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "index/sets/container.h"

namespace muster::bench {
namespace {

using index::kBlockSize;

// The narrowest that also holds "none".
std::uint8_t width_for(std::uint64_t range) {
  if (range <= 0xff) return 1;
  if (range <= 0xffff) return 2;
  return range <= 0xffffffff ? 4 : 8;
}

template <typename Map>
void keep_only(Map& made, const std::set<std::size_t>& needed) {
  std::erase_if(made, [&](const auto& entry) { return !needed.contains(entry.first); });
}

void collect(const Question& question, Needs& needs) {
  using Op = Question::Op;
  if (question.op == Op::In || question.op == Op::Range) needs.fields.insert(question.field);
  if (question.op == Op::Events || question.op == Op::Sum) needs.events.insert(question.event);
  for (const Question& child : question.children)
    collect(child, needs);
}

}  // namespace

NumberArray::NumberArray(const Population& population, std::size_t field)
    : low_(kFields[field].low),
      range_(kFields[field].range),
      width_(width_for(range_)),
      people_(population.people()),
      bytes_(std::make_unique_for_overwrite<std::byte[]>(std::size_t{people_} * width_)) {
  std::vector<std::int64_t> keys(kBlockSize);
  std::vector<std::uint64_t> present(kBlockSize / 64);
  std::byte* out = bytes_.get();
  for (std::uint32_t first = 0; first < people_; first += kBlockSize) {
    keys.resize(std::min<std::uint32_t>(kBlockSize, people_ - first));
    population.read(field, first, keys, present);
    for (std::size_t i = 0; i < keys.size(); ++i, out += width_) {
      const bool has = (present[i / 64] >> (i % 64)) & 1;
      const std::uint64_t number = has ? static_cast<std::uint64_t>(keys[i] - low_) : none();
      std::memcpy(out, &number, width_);  // Little-endian: the low bytes come first.
    }
  }
}

std::uint64_t NumberArray::number_of(std::int64_t key) const {
  if (key <= low_) return 0;
  return std::min(static_cast<std::uint64_t>(key - low_), none() - 1);
}

std::uint64_t NumberArray::at(std::uint32_t person) const {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes_.get() + std::size_t{person} * width_, width_);
  return number;
}

ListArray::ListArray(const Population& population, std::size_t field) {
  CHECK(kFields[field].range <= 256);
  starts.reserve(population.people() + 1ULL);
  starts.push_back(0);
  Lists lists;
  for (std::uint32_t first = 0; first < population.people(); first += kBlockSize) {
    const std::uint32_t people = std::min(kBlockSize, population.people() - first);
    population.read_lists(field, first, people, lists);
    const std::uint32_t before = starts.back();
    for (const std::uint32_t end : lists.ends)
      starts.push_back(before + end);
    for (const std::uint32_t code : lists.codes)
      codes.push_back(static_cast<std::uint8_t>(code));
  }
}

EventArray::EventArray(const Population& population, std::size_t event) {
  starts.reserve(population.people() + 1ULL);
  starts.push_back(0);
  const double expected =
      1.01 * population.people() * population.events() * kEvents[event].share + 1'000;
  times.reserve(static_cast<std::size_t>(expected));
  amounts.reserve(static_cast<std::size_t>(expected));
  EventColumns drawn;
  std::vector<std::pair<std::int64_t, std::int64_t>> own;  // Time and amount.
  for (std::uint32_t first = 0; first < population.people(); first += kBlockSize) {
    const std::uint32_t people = std::min(kBlockSize, population.people() - first);
    drawn.ordinals.clear();
    drawn.times.clear();
    drawn.amounts.clear();
    population.read_events(event, first, people, drawn);
    std::size_t at = 0;
    for (std::uint32_t person = first; person < first + people; ++person) {
      own.clear();
      for (; at < drawn.ordinals.size() && drawn.ordinals[at] == person; ++at) {
        own.emplace_back(drawn.times[at], drawn.amounts[at]);
      }
      std::sort(own.begin(), own.end());
      for (const auto& [time, amount] : own) {
        times.push_back(time);
        amounts.push_back(static_cast<std::uint32_t>(amount));
      }
      starts.push_back(static_cast<std::uint32_t>(times.size()));
    }
  }
}

Needs needs_of(const Question& question) {
  Needs needs;
  collect(question, needs);
  return needs;
}

void Arrays::prepare(const Question& question) {
  const Needs needs = needs_of(question);
  keep_only(numbers_, needs.fields);
  keep_only(lists_, needs.fields);
  keep_only(events_, needs.events);
  for (const std::size_t field : needs.fields) {
    if (kFields[field].type.list) {
      auto& made = lists_[field];
      if (!made) made = std::make_unique<ListArray>(population_, field);
    } else {
      auto& made = numbers_[field];
      if (!made) made = std::make_unique<NumberArray>(population_, field);
    }
  }
  for (const std::size_t event : needs.events) {
    auto& made = events_[event];
    if (!made) made = std::make_unique<EventArray>(population_, event);
  }
}

}  // namespace muster::bench
