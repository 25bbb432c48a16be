// The words and signs of the language, each in one table: parser, printer and both JSON
// directions read the same ones.
//
// Thread safety: immutable.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/language/ast.h"

namespace muster::query {

template <typename Meaning>
struct Word {
  Meaning meaning;
  std::string_view text;
};

inline constexpr std::array<Word<Compare>, 6> kCompares = {{{Compare::Equal, "="},
                                                            {Compare::NotEqual, "!="},
                                                            {Compare::Less, "<"},
                                                            {Compare::LessEqual, "<="},
                                                            {Compare::Greater, ">"},
                                                            {Compare::GreaterEqual, ">="}}};

inline constexpr std::array<Word<TextMatch>, 4> kTextMatches = {
    {{TextMatch::Contains, "contains"},
     {TextMatch::StartsWith, "starts with"},
     {TextMatch::EndsWith, "ends with"},
     {TextMatch::Matches, "matches"}}};

inline constexpr std::array<Word<Quantifier>, 3> kQuantifiers = {
    {{Quantifier::Any, "any"}, {Quantifier::All, "all"}, {Quantifier::None, "none"}}};

inline constexpr std::array<Word<AggregateKind>, 11> kAggregates = {
    {{AggregateKind::Count, "count"},
     {AggregateKind::Sum, "sum"},
     {AggregateKind::Avg, "avg"},
     {AggregateKind::Min, "min"},
     {AggregateKind::Max, "max"},
     {AggregateKind::Distinct, "distinct"},
     {AggregateKind::P50, "p50"},
     {AggregateKind::P95, "p95"},
     {AggregateKind::MostCommon, "most_common"},
     {AggregateKind::First, "first"},
     {AggregateKind::Last, "last"}}};

inline constexpr std::array<Word<DatePart>, 8> kDateParts = {{{DatePart::Date, "date"},
                                                              {DatePart::Year, "year"},
                                                              {DatePart::Quarter, "quarter"},
                                                              {DatePart::Month, "month"},
                                                              {DatePart::Week, "week"},
                                                              {DatePart::Day, "day"},
                                                              {DatePart::Weekday, "weekday"},
                                                              {DatePart::Hour, "hour"}}};

inline constexpr std::array<Word<EdgeOfHistory>, 2> kEdges = {
    {{EdgeOfHistory::AtFirst, "first"}, {EdgeOfHistory::AtLast, "last"}}};

// The first word of a meaning is the one that is written.
inline constexpr std::array<Word<Unit>, 15> kDurationUnits = {{{Unit::Second, "s"},
                                                               {Unit::Minute, "m"},
                                                               {Unit::Hour, "h"},
                                                               {Unit::Day, "d"},
                                                               {Unit::Week, "w"},
                                                               {Unit::Second, "second"},
                                                               {Unit::Minute, "minute"},
                                                               {Unit::Hour, "hour"},
                                                               {Unit::Day, "day"},
                                                               {Unit::Week, "week"},
                                                               {Unit::Second, "seconds"},
                                                               {Unit::Minute, "minutes"},
                                                               {Unit::Hour, "hours"},
                                                               {Unit::Day, "days"},
                                                               {Unit::Week, "weeks"}}};

inline constexpr std::array<Word<Unit>, 10> kCalendarUnits = {{{Unit::Day, "day"},
                                                               {Unit::Week, "week"},
                                                               {Unit::Month, "month"},
                                                               {Unit::Quarter, "quarter"},
                                                               {Unit::Year, "year"},
                                                               {Unit::Day, "days"},
                                                               {Unit::Week, "weeks"},
                                                               {Unit::Month, "months"},
                                                               {Unit::Quarter, "quarters"},
                                                               {Unit::Year, "years"}}};

inline constexpr std::array<std::string_view, 3> kDistanceUnits{"km", "mi", "m"};

inline constexpr std::array<std::string_view, 10> kReservedWords{
    "true", "false", "now", "and", "or", "not", "any", "all", "none", "did"};

// Whether two words are the same but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b);

bool is_reserved(std::string_view word);

template <typename Table, typename Meaning = decltype(Table::value_type::meaning)>
std::optional<Meaning> meaning_of(const Table& table, std::string_view text) {
  for (const auto& word : table) {
    if (same_word(word.text, text)) return word.meaning;
  }
  return std::nullopt;
}

// Requires a meaning that the table holds.
template <typename Table, typename Meaning>
std::string_view word_of(const Table& table, Meaning meaning) {
  for (const auto& word : table) {
    if (word.meaning == meaning) return word.text;
  }
  check_failed("every meaning has a word", __FILE__, __LINE__);
}

template <typename Table>
std::vector<std::string> words_of(const Table& table) {
  std::vector<std::string> words;
  for (const auto& word : table)
    words.emplace_back(word.text);
  return words;
}

// Longest duration: 400 years, beyond any time Muster stores.
inline constexpr TimeMs kDurationMsMax = TimeMs{400} * 366 * 86'400 * 1'000;

// Whether the duration is at most kDurationMsMax.  Requires Second to Week and amount >= 0.
bool is_in_range(const Duration& duration);

// The literal of "2011-06-01" or "2011-06-01T08:30..."; nothing for any other text.
std::optional<TimeLiteral> to_time_literal(std::string_view text);

// A number as the language writes doubles: always with an exponent, so that it reads back as one.
std::string double_text(double number);

}  // namespace muster::query
