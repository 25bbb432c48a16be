// Aggregates, the events they look at, and sequences of events.
#include <fmt/format.h>

#include <array>

#include "query/language/parser.h"
#include "query/language/words.h"

namespace muster::query {

// aggregate := "count" "(" [ inner ] ")" | fn "(" value [ "of" inner ] ")"
//            | ( "first" | "last" ) "(" [ value [ "of" inner ] | inner ] ")"
Result<NodePtr> Parser::aggregate(AggregateKind kind) {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::Aggregate};
  node.aggregate = kind;
  const Place place = take().place;
  take();
  const bool is_edge = kind == AggregateKind::First || kind == AggregateKind::Last;
  const bool has_value = is_edge ? !at_events_in_first() : kind != AggregateKind::Count;
  if (has_value) {
    TRY_ASSIGN(NodePtr of, value());
    node.children.push_back(std::move(of));
    node.has_events = at_word("of");
    if (node.has_events) take();
  } else {
    node.has_events = !at_symbol(")");
  }
  if (node.has_events) {
    TRY_ASSIGN(node.events, inner());
  }
  if (!at_symbol(")")) {
    const std::array<std::string, 5> words{"of", "where", "per", "in", "since"};
    return expected(node.has_events ? "')'" : "'of' or ')'", words);
  }
  take();
  return make(std::move(node), place);
}

// Whether first( or last( goes on with events: "x", ("x" or ...), any event; otherwise with the
// value before `of`, which may be a text too.
bool Parser::at_events_in_first() const {
  if (at_word("any") || at_symbol(")") || at(TokenKind::End)) return true;
  const std::size_t text = at_symbol("(") ? 1 : 0;
  if (!at(TokenKind::String, text)) return false;
  const std::size_t after = text + 1;
  if (text == 1 && at_word("or", after)) return true;
  if (text == 1 && !at_symbol(")", after)) return false;
  const std::size_t behind = after + text;
  if (at_word("of", behind)) return false;
  for (const std::string_view sign : {"+", "-", "*", "/"}) {
    if (at_symbol(sign, behind)) return false;
  }
  return true;
}

// events := ename rest
Result<Events> Parser::events() {
  Events events;
  events.place = here();
  TRY(event_names(events));
  return rest(std::move(events));
}

// inner := events | string "or" string { "or" string } rest
Result<Events> Parser::inner() {
  Events events;
  events.place = here();
  TRY(event_names(events));
  const bool outer_left_out = !events.any_event && events.names.size() == 1;
  while (outer_left_out && accept_word("or")) {
    TRY_ASSIGN(std::string name, string("an event's name in quotes"));
    events.names.push_back(std::move(name));
  }
  return rest(std::move(events));
}

// ename := string | "any event" | "(" string { "or" string } ")"
Status Parser::event_names(Events& events) {
  if (accept_word("any")) {
    TRY(expect_word("event"));
    events.any_event = true;
    return Ok{};
  }
  const bool in_brackets = accept_symbol("(");
  do {
    if (!at(TokenKind::String)) {
      const std::array<std::string, 1> words{"any event"};
      return expected("an event's name in quotes", words);
    }
    events.names.push_back(take().value);
  } while (in_brackets && accept_word("or"));
  if (in_brackets) TRY(expect_symbol(")"));
  return Ok{};
}

// [ "at first" | "at last" ]
Status Parser::edge(Events& events) {
  if (!at_word("at")) return Ok{};
  take();
  const auto edge = at(TokenKind::Word) ? meaning_of(kEdges, peek().text) : std::nullopt;
  if (!edge) return expected("'first' or 'last'");
  take();
  events.edge = *edge;
  return Ok{};
}

// [ "where" "(" expr ")" ]
Status Parser::filter(Events& events) {
  if (!accept_word("where")) return Ok{};
  TRY_ASSIGN(events.where, in_brackets(&Parser::predicate));
  return Ok{};
}

// rest := [ "at first" | "at last" ] [ "where" ... ] [ "per" value [ "having" ... ] ] [ window ]
Result<Events> Parser::rest(Events events) {
  TRY(edge(events));
  TRY(filter(events));
  if (accept_word("per")) {
    TRY_ASSIGN(events.per, value());
    if (accept_word("having")) {
      TRY_ASSIGN(events.having, in_brackets(&Parser::predicate));
    }
  }
  if (at_window()) {
    TRY_ASSIGN(events.window, window());
  }
  return events;
}

// "sequence" "(" step { "then" [ "within" duration ] [ "without" "(" inner ")" ] step } ")"
//   [ "within" duration ] [ window ]
Result<NodePtr> Parser::sequence() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::Sequence};
  const Place place = take().place;
  take();
  TRY_ASSIGN(SequenceStep first, step());
  node.steps.push_back(std::move(first));
  while (accept_word("then")) {
    std::optional<Duration> within;
    std::optional<Events> without;
    if (at_word("within") && !at_symbol(":", 1)) {
      take();
      TRY_ASSIGN(within, duration());
    }
    if (at_word("without") && at_symbol("(", 1)) {
      take();
      take();
      TRY_ASSIGN(without, inner());
      TRY(expect_symbol(")"));
    }
    TRY_ASSIGN(SequenceStep next, step());
    next.within = within;
    next.without = std::move(without);
    node.steps.push_back(std::move(next));
  }
  if (!at_symbol(")")) {
    const std::array<std::string, 2> words{"then", "where"};
    return expected("'then' or ')'", words);
  }
  take();
  if (accept_word("within")) {
    TRY_ASSIGN(node.within, duration());
  }
  if (at_window()) {
    TRY_ASSIGN(node.window, window());
  }
  return make(std::move(node), place);
}

// step := [ name ":" ] ename [ "at first" | "at last" ] [ "where" "(" expr ")" ]
Result<SequenceStep> Parser::step() {
  TRY(count_node());
  SequenceStep step;
  if (at_name() && at_symbol(":", 1)) {
    step.name = take().value;
    take();
  }
  step.events.place = here();
  TRY(event_names(step.events));
  TRY(edge(step.events));
  TRY(filter(step.events));
  return step;
}

}  // namespace muster::query
