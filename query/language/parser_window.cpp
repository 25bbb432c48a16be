// Windows of time and their durations.
#include <fmt/format.h>

#include <array>

#include "query/language/parser.h"
#include "query/language/words.h"

namespace muster::query {

bool Parser::at_duration(std::size_t ahead) const {
  return at(TokenKind::Number, ahead) && at(TokenKind::Word, ahead + 1) &&
         meaning_of(kDurationUnits, peek(ahead + 1).text).has_value();
}

// Whether a word that begins a window stands here. `in`, `last` and `this` begin other things
// too; those never follow a value or events.
bool Parser::at_window() const {
  if (at_word("in")) return !at_symbol("(", 1);
  for (const std::string_view word :
       {"today", "yesterday", "this", "last", "between", "before", "from", "on", "since"}) {
    if (at_word(word)) return true;
  }
  return false;
}

Result<Window> Parser::window() {
  const Place place = here();
  Window window;
  if (accept_word("today")) {
    window.kind = WindowKind::Today;
  } else if (accept_word("yesterday")) {
    window.kind = WindowKind::Yesterday;
  } else if (at_word("this") || at_word("last")) {
    window.kind = at_word("this") ? WindowKind::This : WindowKind::Last;
    take();
    TRY_ASSIGN(window.unit, calendar_unit());
  } else if (at_word("in")) {
    TRY_ASSIGN(window, window_in());
  } else if (at_word("between")) {
    TRY_ASSIGN(window, window_between());
  } else if (at_word("before")) {
    TRY_ASSIGN(window, window_before());
  } else if (at_word("from")) {
    TRY_ASSIGN(window, window_from());
  } else if (at_word("on")) {
    TRY_ASSIGN(window, window_on());
  } else if (at_word("since")) {
    TRY_ASSIGN(window, window_since());
  } else {
    const std::array<std::string, 8> words{"in",   "today", "yesterday", "this",
                                           "last", "from",  "before",    "since"};
    return expected("a window such as 'in last 30d'", words);
  }
  window.place = place;
  return window;
}

// "in last" duration | "in next" duration | "in last" int "calendar" unit
Result<Window> Parser::window_in() {
  take();
  Window window;
  if (accept_word("next")) {
    window.kind = WindowKind::InNext;
    TRY_ASSIGN(window.duration, duration());
    return window;
  }
  if (!at_word("last")) {
    const std::array<std::string, 2> words{"last", "next"};
    return expected("'last' or 'next'", words);
  }
  take();
  if (!at_word("calendar", 1)) {
    TRY_ASSIGN(window.duration, duration());
    return window;
  }
  window.kind = WindowKind::InLastCalendar;
  const Place place = here();
  TRY_ASSIGN(window.count, integer("the number of units"));
  if (window.count == 0) return error_at(place, "a calendar window has at least one unit");
  take();
  TRY_ASSIGN(window.unit, calendar_unit());
  return window;
}

// "between" duration "and" duration "ago"
Result<Window> Parser::window_between() {
  take();
  Window window{.kind = WindowKind::BetweenAgo};
  TRY_ASSIGN(window.duration, duration());
  TRY(expect_word("and"));
  TRY_ASSIGN(window.duration_end, duration());
  TRY(expect_word("ago"));
  return window;
}

// "before" duration "ago" | "before" time
Result<Window> Parser::window_before() {
  take();
  Window window{.kind = WindowKind::Before};
  if (at(TokenKind::Number)) {
    window.kind = WindowKind::BeforeAgo;
    TRY_ASSIGN(window.duration, duration());
    TRY(expect_word("ago"));
    return window;
  }
  if (!at(TokenKind::Date) && !at(TokenKind::Time)) {
    return expected("a date, a time or '30d ago'");
  }
  TRY_ASSIGN(window.time, time());
  return window;
}

// "from" time [ "to" time ]
Result<Window> Parser::window_from() {
  take();
  Window window{.kind = WindowKind::From};
  TRY_ASSIGN(window.time, time());
  if (accept_word("to")) {
    TRY_ASSIGN(window.time_end, time());
  }
  return window;
}

// "on" date
Result<Window> Parser::window_on() {
  take();
  Window window{.kind = WindowKind::On};
  if (!at(TokenKind::Date)) return expected("a date such as 2011-06-01");
  TRY_ASSIGN(window.time, time());
  return window;
}

// "since" ( path | time | aggregate )
Result<Window> Parser::window_since() {
  take();
  Window window{.kind = WindowKind::Since};
  const Place place = here();
  if (at(TokenKind::Date) || at(TokenKind::Time)) {
    Node node{.kind = NodeKind::LiteralValue};
    TRY_ASSIGN(TimeLiteral literal, time());
    node.literals.emplace_back(std::move(literal));
    TRY_ASSIGN(window.since, make(std::move(node), place));
    return window;
  }
  if (at(TokenKind::Word) && at_symbol("(", 1)) {
    const auto kind = meaning_of(kAggregates, peek().text);
    if (!kind) return expected("a field, a time or an aggregate such as first(...)");
    TRY_ASSIGN(window.since, aggregate(*kind));
    return window;
  }
  if (!at_name()) return expected("a field, a time or an aggregate such as first(...)");
  TRY_ASSIGN(window.since, path_value());
  return window;
}

Result<Duration> Parser::duration() {
  const Place place = here();
  if (!at(TokenKind::Number)) return expected("a duration such as 30d");
  Duration duration;
  TRY_ASSIGN(duration.amount, integer("the amount of a duration"));
  const auto unit = at(TokenKind::Word) ? meaning_of(kDurationUnits, peek().text) : std::nullopt;
  if (!unit && at(TokenKind::Word) && meaning_of(kCalendarUnits, peek().text)) {
    return error_at(here(),
                    fmt::format("a {} has no fixed length: write 'in last {} calendar {}', or a "
                                "number of days",
                                word_of(kCalendarUnits, *meaning_of(kCalendarUnits, peek().text)),
                                duration.amount, peek().text),
                    "'s', 'm', 'h', 'd' or 'w'");
  }
  if (!unit) return expected("'s', 'm', 'h', 'd' or 'w'", words_of(kDurationUnits));
  duration.unit = *unit;
  if (!is_in_range(duration)) return error_at(place, "a duration is at most 400 years");
  take();
  return duration;
}

Result<Unit> Parser::calendar_unit() {
  const auto unit = at(TokenKind::Word) ? meaning_of(kCalendarUnits, peek().text) : std::nullopt;
  if (!unit)
    return expected("'day', 'week', 'month', 'quarter' or 'year'", words_of(kCalendarUnits));
  take();
  return *unit;
}

Result<TimeLiteral> Parser::time() {
  if (!at(TokenKind::Date) && !at(TokenKind::Time)) {
    return expected("a date or a time such as 2011-06-01");
  }
  const bool is_date = at(TokenKind::Date);
  return TimeLiteral{.text = std::string(take().text), .is_date = is_date};
}

}  // namespace muster::query
