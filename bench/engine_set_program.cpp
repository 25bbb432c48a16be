#include "bench/engine_set_program.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "bench/engine_scan.h"
#include "bench/engine_timing.h"
#include "index/sets/container.h"

namespace muster::bench {
namespace {

using Op = Question::Op;
using index::kBlockSize;

constexpr std::uint32_t kNoSlot = std::numeric_limits<std::uint32_t>::max();

// New sets of an engine that people are added to in order, many at once.
class Filling {
 public:
  Filling(SetEngine& engine, std::size_t sets) : engine_(engine), waiting_(sets) {
    for (std::size_t i = 0; i < sets; ++i)
      sets_.push_back(engine.add());
  }
  void add(std::size_t i, std::uint32_t person) {
    waiting_[i].push_back(person);
    if (waiting_[i].size() == kAtOnce) flush(i);
  }
  // The numbers of the sets.  Call once, when all people are added.
  std::vector<std::uint32_t> finish() {
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      flush(i);
      engine_.finish(sets_[i]);
    }
    return sets_;
  }

 private:
  static constexpr std::size_t kAtOnce = 4'096;
  void flush(std::size_t i) {
    engine_.append(sets_[i], waiting_[i]);
    waiting_[i].clear();
  }
  SetEngine& engine_;
  std::vector<std::uint32_t> sets_;
  std::vector<std::vector<std::uint32_t>> waiting_;
};

// The best of a few runs, in seconds.
double time_of(SetEngine& engine, const SetExpr& expr) {
  double best = std::numeric_limits<double>::max();
  for (int run = 0; run < 3; ++run) {
    const Stopwatch watch;
    engine.count(expr);
    best = std::min(best, watch.seconds());
  }
  return best;
}

}  // namespace

SetProgram::SetProgram(const Question& question, const Arrays& arrays, SetEngine& engine)
    : arrays_(arrays), engine_(engine) {
  engine_.set_people(arrays.population().people());
  collect_codes(question);
  root_ = expr_of(question);
}

void SetProgram::collect_codes(const Question& question) {
  if (question.op == Op::In) {
    codes_[question.field].insert(question.codes.begin(), question.codes.end());
  }
  for (const Question& child : question.children)
    collect_codes(child);
}

SetExpr SetProgram::expr_of(const Question& question) {
  SetExpr expr;
  for (const Question& child : question.children)
    expr.children.push_back(expr_of(child));
  switch (question.op) {
    case Op::And:
      expr.op = SetExpr::Op::And;
      return expr;
    case Op::Or:
      expr.op = SetExpr::Op::Or;
      return expr;
    case Op::Not:
      expr.op = SetExpr::Op::Not;
      return expr;
    case Op::In:
      if (!value_sets_.contains({question.field, question.codes[0]})) make_values(question.field);
      for (const std::uint32_t code : question.codes) {
        expr.sets.push_back(value_sets_.at({question.field, code}));
      }
      return expr;
    case Op::Range:
      return fastest_range(question);
    case Op::Events:
      return window_of(question);
    case Op::Sum: {
      const EventArray& events = arrays_.events(question.event);
      expr.op = SetExpr::Op::Passes;
      expr.passes = [&events, from = question.window_start(), least = question.least](
                        std::uint32_t person) { return sum_reaches(events, person, from, least); };
      return expr;
    }
  }
  CHECK(!"every operator is known");
}

// The sets of all codes that the question asks of a field, in one pass.
void SetProgram::make_values(std::size_t field) {
  const std::set<std::uint32_t>& codes = codes_.at(field);
  std::vector<std::uint32_t> slot(65'536, kNoSlot);
  std::uint32_t next = 0;
  for (const std::uint32_t code : codes)
    slot[code] = next++;
  Filling filling(engine_, codes.size());
  const std::uint32_t people = arrays_.population().people();
  if (kFields[field].type.list) {
    const ListArray& lists = arrays_.lists(field);
    for (std::uint32_t person = 0; person < people; ++person) {
      for (std::uint32_t i = lists.starts[person]; i < lists.starts[person + 1]; ++i) {
        const std::uint32_t found = slot[lists.codes[i]];
        if (found != kNoSlot) filling.add(found, person);
      }
    }
  } else {
    const NumberArray& numbers = arrays_.numbers(field);
    for (std::uint32_t person = 0; person < people; ++person) {
      const std::uint32_t found = slot[numbers.at(person)];
      if (found != kNoSlot) filling.add(found, person);
    }
  }
  const std::vector<std::uint32_t> sets = filling.finish();
  std::size_t i = 0;
  for (const std::uint32_t code : codes)
    value_sets_[{field, code}] = sets[i++];
}

SetExpr SetProgram::fastest_range(const Question& question) {
  const NumberArray& numbers = arrays_.numbers(question.field);
  std::vector<SetExpr> ways;
  ways.push_back({.op = SetExpr::Op::Scan, .array = numbers.view()});
  ways.push_back(slices_of(question));
  for (SetExpr& way : ways) {
    way.low = numbers.number_of(question.low);
    way.high = numbers.number_of(question.high);
  }
  if (question.days > 0) ways.push_back(signup_days_of(question));
  std::vector<double> seconds;
  for (const SetExpr& way : ways)
    seconds.push_back(time_of(engine_, way));
  const auto best = std::min_element(seconds.begin(), seconds.end()) - seconds.begin();
  return std::move(ways[static_cast<std::size_t>(best)]);
}

SetExpr SetProgram::slices_of(const Question& question) {
  if (!slices_.contains(question.field)) make_slices(question.field);
  return {.op = SetExpr::Op::Slices, .sets = slices_.at(question.field)};
}

void SetProgram::make_slices(std::size_t field) {
  const NumberArray& numbers = arrays_.numbers(field);
  const auto digits = static_cast<std::size_t>(std::bit_width(kFields[field].range - 1));
  std::vector<std::uint32_t> sets;
  for (std::size_t i = 0; i <= digits; ++i)
    sets.push_back(engine_.add());
  std::vector<std::uint64_t> words((digits + 1) * 1'024);
  const std::uint32_t people = arrays_.population().people();
  for (std::uint32_t first = 0; first < people; first += kBlockSize) {
    std::fill(words.begin(), words.end(), 0);
    const std::uint32_t in_block = std::min(kBlockSize, people - first);
    for (std::uint32_t i = 0; i < in_block; ++i) {
      const std::uint64_t number = numbers.at(first + i);
      if (number == numbers.none()) continue;
      const std::uint64_t bit = std::uint64_t{1} << (i % 64);
      words[i / 64] |= bit;
      for (std::uint64_t rest = number; rest != 0; rest &= rest - 1) {
        const auto digit = static_cast<std::size_t>(std::countr_zero(rest));
        words[(digit + 1) * 1'024 + i / 64] |= bit;
      }
    }
    for (std::size_t i = 0; i <= digits; ++i) {
      engine_.append_block(sets[i], first / kBlockSize, std::span(words).subspan(i * 1'024, 1'024));
    }
  }
  for (const std::uint32_t set : sets)
    engine_.finish(set);
  slices_[field] = std::move(sets);
}

// A set for each day of a time; the first holds only those inside the window.
SetExpr SetProgram::signup_days_of(const Question& question) {
  const FieldShape& field = kFields[question.field];
  const NumberArray& numbers = arrays_.numbers(question.field);
  const TimeMs midnight = question.low / kDayMs * kDayMs;
  Filling filling(engine_, static_cast<std::size_t>(question.days) + 1);
  for (std::uint32_t person = 0; person < arrays_.population().people(); ++person) {
    const std::uint64_t number = numbers.at(person);
    if (number == numbers.none()) continue;
    const TimeMs time = field.low + static_cast<std::int64_t>(number);
    if (time < question.low || time > question.high) continue;
    filling.add(static_cast<std::size_t>((time - midnight) / kDayMs), person);
  }
  return {.op = SetExpr::Op::Union, .sets = filling.finish()};
}

// Sets per day and layer: layer j has those with more than j events of that day in the window.
SetExpr SetProgram::window_of(const Question& question) {
  const EventArray& events = arrays_.events(question.event);
  const TimeMs from = question.window_start();
  const TimeMs midnight = from / kDayMs * kDayMs;
  const auto layers = static_cast<std::size_t>(question.least);
  Filling filling(engine_, (static_cast<std::size_t>(question.days) + 1) * layers);
  for (std::uint32_t person = 0; person < arrays_.population().people(); ++person) {
    std::size_t day_before = std::numeric_limits<std::size_t>::max(), layer = 0;
    for (std::uint32_t i = events.starts[person]; i < events.starts[person + 1]; ++i) {
      if (events.times[i] < from) continue;
      const auto day = static_cast<std::size_t>((events.times[i] - midnight) / kDayMs);
      layer = day == day_before ? layer + 1 : 0;
      day_before = day;
      if (layer < layers) filling.add(day * layers + layer, person);
    }
  }
  std::vector<std::uint32_t> sets;
  for (const std::uint32_t set : filling.finish()) {
    if (engine_.size(set) > 0) sets.push_back(set);
  }
  if (sets.empty()) sets.push_back(engine_.add());
  if (question.least == 1) return {.op = SetExpr::Op::Union, .sets = std::move(sets)};
  return {.op = SetExpr::Op::AtLeast,
          .sets = std::move(sets),
          .least = static_cast<std::uint32_t>(question.least)};
}

}  // namespace muster::bench
