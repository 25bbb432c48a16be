#include "tests/tree/leaves_support.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/check.h"
#include "base/time.h"
#include "query/language/language.h"

namespace muster::testing {
namespace {

using Holds = std::function<bool(std::uint32_t person)>;

struct Operator {
  std::string text;
  bool (*holds)(std::int64_t a, std::int64_t b);
};
const Operator kOperators[] = {
    {"=", [](std::int64_t a, std::int64_t b) { return a == b; }},
    {"!=", [](std::int64_t a, std::int64_t b) { return a != b; }},
    {"<", [](std::int64_t a, std::int64_t b) { return a < b; }},
    {"<=", [](std::int64_t a, std::int64_t b) { return a <= b; }},
    {">", [](std::int64_t a, std::int64_t b) { return a > b; }},
    {">=", [](std::int64_t a, std::int64_t b) { return a >= b; }},
};

std::string bracketed(const std::vector<std::string>& literals) {
  std::string text = "(";
  for (const std::string& literal : literals)
    text += (text.size() > 1 ? ", " : "") + literal;
  return text + ")";
}

class Leaves {
 public:
  Leaves(Random& random, const Population& population) : random_(random), population_(population) {}

  std::vector<Leaf> make() {
    add("everyone", [](auto) { return true; });
    add("nobody", [](auto) { return false; });
    add("in list \"listed\"", [&](auto i) { return has(population_.listed, i); });
    for (const Numbers& numbers : population_.numbers)
      add_numbers(numbers);
    add_flags(population_.flags);
    for (const Texts& texts : population_.texts)
      add_texts(texts);
    for (const Lists& lists : population_.lists)
      add_lists(lists);
    for (int i = 0; i < 12; ++i)
      add_events();
    return std::move(leaves_);
  }

 private:
  void add(const std::string& where, const Holds& holds) { add(where, Pace::Fast, holds); }

  void add(const std::string& where, Pace pace, const Holds& holds) {
    auto tree = query::parse(where);
    CHECK(tree);
    Leaf leaf{*tree, Bits(population_.live.size()), pace};
    for (std::uint32_t i = 0; i < population_.people; ++i) {
      const bool is_in = has(population_.live, i) && holds(i);
      leaf.holds[i / 64] |= std::uint64_t{is_in} << (i % 64);
    }
    leaves_.push_back(std::move(leaf));
  }

  void add_presence(const std::string& field, const Holds& is_present) {
    add(field + " is present", is_present);
    add(field + " is missing", [&](auto i) { return !is_present(i); });
  }

  const Operator& any_operator() { return kOperators[random_.below(std::size(kOperators))]; }

  // A value that somebody has, or one beside it; 7 when none was found.
  std::int64_t value_near(const Column& column) {
    for (int tries = 0; tries < 50; ++tries) {
      const auto& value = column[random_.below(population_.people)];
      if (value) return *value + (random_.below(3) == 0 ? std::int64_t{random_.below(3)} - 1 : 0);
    }
    return 7;
  }

  std::set<std::int64_t> values_near(const Column& column) {
    std::set<std::int64_t> values;
    for (std::uint32_t i = random_.below(6) + 1; i > 0; --i)
      values.insert(value_near(column));
    return values;
  }

  void add_numbers(const Numbers& numbers) {
    const Column& of = numbers.of;
    for (int i = 0; i < 7; ++i) {
      const Operator& op = any_operator();
      const std::int64_t value = value_near(of);
      add(numbers.name + " " + op.text + " " + numbers.literal(value),
          [&](auto who) { return of[who] && op.holds(*of[who], value); });
    }
    for (const bool negated : {false, true}) {
      const std::string word = negated ? " not " : " ";
      const auto [low, high] = std::minmax({value_near(of), value_near(of)});
      add(numbers.name + word + "between " + numbers.literal(low) + " and " + numbers.literal(high),
          [&](auto who) { return of[who] && (*of[who] >= low && *of[who] <= high) != negated; });
      const std::set<std::int64_t> values = values_near(of);
      std::vector<std::string> literals;
      for (const std::int64_t value : values)
        literals.push_back(numbers.literal(value));
      add(numbers.name + word + "in " + bracketed(literals), Pace::Slow,
          [&](auto who) { return of[who] && values.contains(*of[who]) != negated; });
    }
    add_presence(numbers.name, [&](auto who) { return of[who].has_value(); });
    if (numbers.type.type == Type::Int) add_between_literals(numbers);
  }

  // Half of a whole number lies between two values.
  void add_between_literals(const Numbers& numbers) {
    const Column& of = numbers.of;
    const Operator& op = any_operator();
    const std::int64_t doubled = 2 * value_near(of) + 1;
    add(numbers.name + " " + op.text + " " + to_string(Decimal{doubled * 5, 1}),
        [&](auto who) { return of[who] && op.holds(2 * *of[who], doubled); });
    const std::int64_t value = value_near(of);
    add(numbers.name + " + 1 > " + numbers.literal(value), Pace::Slow,
        [&](auto who) { return of[who] && *of[who] + 1 > value; });
  }

  void add_flags(const Column& of) {
    add("flag", [&](auto who) { return of[who] == 1; });
    add("flag = false", [&](auto who) { return of[who] == 0; });
    add("flag != true", [&](auto who) { return of[who] == 0; });
    add("not flag", [&](auto who) { return of[who] != 1; });
    add_presence("flag", [&](auto who) { return of[who].has_value(); });
  }

  std::uint32_t any_of(std::size_t count) {
    return random_.below(static_cast<std::uint32_t>(count));
  }

  void add_texts(const Texts& texts) {
    const Column& of = texts.of;
    const auto quoted = [&](std::int64_t word) {
      return "\"" + texts.words[static_cast<std::size_t>(word)] + "\"";
    };
    // The first three are the ones at the limit of arrays.
    for (const std::int64_t word : {0U, 1U, 2U, any_of(texts.words.size())}) {
      add(texts.name + " = " + quoted(word), [&](auto who) { return of[who] == word; });
      add(texts.name + " != " + quoted(word),
          [&](auto who) { return of[who] && *of[who] != word; });
    }
    for (const std::uint32_t size : {2U, 3U, 40U, 3'000U}) {
      std::set<std::int64_t> words;
      std::vector<std::string> literals;
      for (std::uint32_t i = 0; i < size; ++i)
        words.insert(any_of(texts.words.size()));
      for (const std::int64_t word : words)
        literals.push_back(quoted(word));
      const bool negated = random_.below(3) == 0;
      add(texts.name + (negated ? " not in " : " in ") + bracketed(literals),
          [&](auto who) { return of[who] && words.contains(*of[who]) != negated; });
    }
    const std::string digit = std::to_string(random_.below(10));
    add(texts.name + " contains \"" + digit + "\"", [&](auto who) {
      return of[who] &&
             texts.words[static_cast<std::size_t>(*of[who])].find(digit) != std::string::npos;
    });
    add_presence(texts.name, [&](auto who) { return of[who].has_value(); });
  }

  // any, all and none of the elements in a set, or outside of it.
  void add_lists(const Lists& lists) {
    const auto& of = lists.of;
    for (int i = 0; i < 4; ++i) {
      std::set<std::uint32_t> chosen;
      std::vector<std::string> literals;
      for (std::uint32_t n = i == 0 ? 1 : 1 + random_.below(20); n > 0; --n) {
        chosen.insert(any_of(lists.literals.size()));
      }
      for (const std::uint32_t element : chosen)
        literals.push_back(lists.literals[element]);
      const bool negated = i == 3;
      const auto passes = [&](std::uint32_t element) {
        return chosen.contains(element) != negated;
      };
      const std::string test = chosen.size() > 1 || negated
                                   ? (negated ? " not in " : " in ") + bracketed(literals)
                                   : " = " + literals[0];
      add("any " + lists.name + test,
          [&](auto who) { return std::any_of(of[who].begin(), of[who].end(), passes); });
      add("all " + lists.name + test, Pace::Slow, [&](auto who) {
        return !of[who].empty() && std::all_of(of[who].begin(), of[who].end(), passes);
      });
      add("none " + lists.name + test,
          [&](auto who) { return std::none_of(of[who].begin(), of[who].end(), passes); });
    }
    add("size(" + lists.name + ") >= 2", Pace::Slow, [&](auto who) { return of[who].size() >= 2; });
    add(lists.name + " is present", Pace::Slow, [&](auto who) { return !of[who].empty(); });
    add(lists.name + " is missing", Pace::Slow, [&](auto who) { return of[who].empty(); });
  }

  // The time of an event lies in [from, to]; nothing lies in the future.
  struct Stretch {
    std::string text;
    TimeMs from = kTimeMin, to = 0;
  };

  Stretch any_stretch() {
    const TimeMs now = population_.now;
    const std::int64_t near = 30 * std::int64_t{random_.below(3)}, far = near + 30;
    switch (random_.below(4)) {
      case 0:
        return {"", kTimeMin, now};
      case 1:
        return {" in last " + std::to_string(far) + "d", now - far * kDayMs, now};
      case 2:
        return {" before " + std::to_string(far) + "d ago", kTimeMin, now - far * kDayMs - 1};
      default:
        return {" between " + std::to_string(far) + "d and " + std::to_string(near) + "d ago",
                now - far * kDayMs, now - near * kDayMs - 1};
    }
  }

  void add_events() {
    const Stretch stretch = any_stretch();
    const std::int64_t least = random_.below(20'000);
    const bool filtered = random_.below(3) == 0;
    const auto counts = [=](const Purchase& purchase) {
      return purchase.time >= stretch.from && purchase.time <= stretch.to &&
             (!filtered || (purchase.amount && *purchase.amount >= least));
    };
    const auto count = [&](std::uint32_t who) {
      const auto& of_person = population_.purchases[who];
      return std::count_if(of_person.begin(), of_person.end(), counts);
    };
    const std::string cents = to_string(Decimal{least, 2});
    const std::string events =
        "\"buy\"" + (filtered ? " where (amount >= " + cents + ")" : "") + stretch.text;
    const Pace pace = filtered ? Pace::Slow : Pace::Fast;
    add("did " + events, pace, [&](auto who) { return count(who) > 0; });
    add("did not " + events, pace, [&](auto who) { return count(who) == 0; });
    const Operator& op = any_operator();
    const std::int64_t times = random_.below(8) == 0 ? 254 + random_.below(4) : random_.below(5);
    add("count(" + events + ") " + op.text + " " + std::to_string(times), pace,
        [&](auto who) { return op.holds(count(who), times); });
    const auto sum = [&](std::uint32_t who) {
      std::int64_t total = 0;
      for (const Purchase& purchase : population_.purchases[who]) {
        if (counts(purchase)) total += purchase.amount.value_or(0);
      }
      return total;
    };
    add("sum(amount of " + events + ") > " + cents, Pace::Slow,
        [&](auto who) { return sum(who) > least; });
  }

  Random& random_;
  const Population& population_;
  std::vector<Leaf> leaves_;
};

}  // namespace

std::vector<Leaf> random_leaves(Random& random, const Population& population) {
  return Leaves(random, population).make();
}

}  // namespace muster::testing
