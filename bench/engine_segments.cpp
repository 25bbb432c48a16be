#include "bench/engine_question.h"

namespace muster::bench {
namespace {

using Op = Question::Op;
using Codes = std::vector<std::uint32_t>;

Question all(std::vector<Question> children) {
  return {.op = Op::And, .children = std::move(children)};
}
Question any(std::vector<Question> children) {
  return {.op = Op::Or, .children = std::move(children)};
}
Question no(Question child) {
  return {.op = Op::Not, .children = {std::move(child)}};
}

Question is(std::string_view field, Codes codes) {
  return {.op = Op::In, .field = field_named(field), .codes = std::move(codes)};
}

// `count` codes from `first` on, `step` apart.
Codes codes(std::uint32_t first, std::uint32_t count, std::uint32_t step = 1) {
  Codes out;
  for (std::uint32_t i = 0; i < count; ++i)
    out.push_back(first + i * step);
  return out;
}

Question between(std::string_view field, std::int64_t low, std::int64_t high) {
  return {.op = Op::Range, .field = field_named(field), .low = low, .high = high};
}

Question in_last(std::string_view field, int days) {
  return {.op = Op::Range,
          .field = field_named(field),
          .low = kEngineNow - days * kDayMs,
          .high = kEngineNow,
          .days = days};
}

Question did(std::string_view event, int days, std::int64_t least = 1) {
  return {.op = Op::Events, .event = event_named(event), .days = days, .least = least};
}

Question sum(std::string_view event, int days, std::int64_t least) {
  return {.op = Op::Sum, .event = event_named(event), .days = days, .least = least};
}

// Ten groups of people, each by three values.
Question ten_groups() {
  std::vector<Question> groups;
  for (std::uint32_t i = 0; i < 10; ++i) {
    groups.push_back(all({is("country", {i}), is("device", {i % 5}), is("channel", {i + 1})}));
  }
  return any(std::move(groups));
}

// 49 leaves: twelve branches of four, each with a range and a nested NOT, and a consent.
Question forty_nine() {
  std::vector<Question> branches;
  for (std::uint32_t i = 0; i < 12; ++i) {
    const Question range =
        i % 2 == 0 ? between("age", 20 + i, 45 + i) : between("balance", i * 100'000, 200'000'000);
    const Question rest = any({is("plan", {i % 4}), no(is("device", {i % 5}))});
    branches.push_back(all({is("region", codes(i, 8, 12)), range, no(rest)}));
  }
  return all({is("consent", {1}), any(std::move(branches))});
}

void add_attributes(std::vector<NamedQuestion>& out) {
  out.push_back({"three_dense", all({is("consent", {1}), is("gender", {0}), is("plan", {0})})});
  out.push_back(
      {"in_and_two", all({is("country", {1, 2, 3}), is("plan", {1}), is("device", {2})})});
  out.push_back({"sparse_not", all({is("city", {400}), is("plan", {0}), no(is("device", {0}))})});
  out.push_back({"wide_lists", all({is("region", codes(10, 60, 4)), is("store", codes(0, 300, 3)),
                                    is("consent", {1}), is("language", {0, 1})})});
  out.push_back(
      {"age_country", all({between("age", 25, 44), is("country", {0}), is("gender", {1})})});
  out.push_back({"two_ranges",
                 all({between("balance", 500'000, 150'000'000), between("score", 2'000, 8'500)})});
  out.push_back({"wide_range", between("balance", 1'000'000, 250'000'000)});
  out.push_back({"interests_tags", all({is("interests", codes(5, 10)), no(is("tags", codes(3, 5))),
                                        is("country", codes(1, 5))})});
  out.push_back({"or_of_ands", ten_groups()});
  out.push_back({"forty_nine", forty_nine()});
  out.push_back({"not_or_dense", no(any({is("plan", {0}), is("gender", {0}), is("device", {0}),
                                         is("channel", {0})}))});
  out.push_back({"sparse_pair", all({is("city", {20}), is("referrer", {30})})});
}

void add_events(std::vector<NamedQuestion>& out) {
  out.push_back({"recent_no_purchase",
                 all({in_last("signed_up", 60), is("device", {1}), no(did("purchase", 30))})});
  out.push_back({"three_purchases",
                 all({did("purchase", 30, 3), is("consent", {1}), is("country", {0, 1, 2})})});
  out.push_back({"spent_90d", all({sum("purchase", 90, 25'000), is("country", {0})})});
  for (const int days : {7, 30, 90, 360}) {
    out.push_back({"did_" + std::to_string(days) + "d", did("view", days)});
    out.push_back({"window_" + std::to_string(days) + "d", did("view", days, 3)});
  }
}

}  // namespace

std::vector<NamedQuestion> engine_segments(bool with_events) {
  std::vector<NamedQuestion> out;
  add_attributes(out);
  if (with_events) add_events(out);
  return out;
}

}  // namespace muster::bench
