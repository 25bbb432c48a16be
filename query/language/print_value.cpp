// Values, events and windows as text.
#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "query/language/lexer.h"
#include "query/language/printer.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

bool is_number(const Node& node) {
  if (node.kind != NodeKind::LiteralValue) return false;
  const Literal& literal = node.literals.front();
  return std::holds_alternative<Decimal>(literal) || std::holds_alternative<double>(literal);
}

bool is_negative(const Node& node) {
  if (!is_number(node)) return false;
  const Literal& literal = node.literals.front();
  if (const auto* const decimal = std::get_if<Decimal>(&literal)) return decimal->mantissa < 0;
  // By its text, so that -0.0 counts.
  return double_text(std::get<double>(literal)).front() == '-';
}

bool is_weak(char op) {
  return op == '+' || op == '-';
}

// Words that would begin something else where a path begins.
bool clashes(const std::string& name) {
  for (const std::string_view word : {"everyone", "nobody", "in", "days"}) {
    if (same_word(word, name)) return true;
  }
  return false;
}

}  // namespace

void Printer::value(const Node& node) {
  switch (node.kind) {
    case NodeKind::LiteralValue:
      return literal(node.literals.front());
    case NodeKind::Now:
      return put("now");
    case NodeKind::PathValue:
      return path(node.path);
    case NodeKind::Aggregate:
      return aggregate(node);
    case NodeKind::Tile:
      return tile(node);
    case NodeKind::Size: {
      put("size(");
      path(node.path);
      return put(")");
    }
    case NodeKind::DaysBetween:
      return days_between(node);
    case NodeKind::DatePartOf: {
      put(word_of(kDateParts, node.date_part));
      put("(");
      deeper(*node.children[0]);
      return put(")");
    }
    case NodeKind::Arithmetic:
      return arithmetic(node);
    case NodeKind::Negate:
      return negate(node);
    default:
      CHECK(!"every value is printed, and an Element only behind any, all or none");
  }
}

void Printer::literal(const Literal& literal) {
  struct Visitor {
    Printer& printer;
    void operator()(bool truth) const { printer.put(truth ? "true" : "false"); }
    void operator()(const Decimal& number) const { printer.put(to_string(number)); }
    void operator()(double number) const { printer.put(double_text(number)); }
    void operator()(const std::string& text) const { printer.quoted(text, '"'); }
    void operator()(const TimeLiteral& time) const { printer.put(time.text); }
  };
  std::visit(Visitor{*this}, literal);
}

void Printer::path(const Path& path) {
  for (std::size_t i = 0; i < path.names.size(); ++i) {
    if (i > 0) put(".");
    if (i == 0 && clashes(path.names[i])) {
      quoted(path.names[i], '`');
    } else {
      name(path.names[i]);
    }
  }
}

void Printer::name(std::string_view name) {
  if (is_plain_name(name) && !is_reserved(name)) return put(name);
  quoted(name, '`');
}

void Printer::quoted(std::string_view text, char quote) {
  JsonWriter json;
  json.text(text);
  const std::string& written = json.str();
  if (quote == '"') return put(written);
  // The escapes are JSON's; only the quotes differ.
  put("`");
  for (std::size_t i = 1; i + 1 < written.size(); ++i) {
    if (written[i] == '`') put("\\");
    put(written.substr(i, 1));
  }
  put("`");
}

void Printer::arithmetic(const Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const bool left_weak = left.kind == NodeKind::Arithmetic && is_weak(left.op);
  const bool right_binds = right.kind == NodeKind::Arithmetic && !is_weak(right.op);
  const bool right_brackets =
      right.kind == NodeKind::Arithmetic && !(is_weak(node.op) && right_binds);
  enter();
  left_weak && !is_weak(node.op) ? bracketed(left) : value(left);
  put(fmt::format(" {} ", node.op));
  right_brackets ? bracketed(right) : value(right);
  leave();
}

// A sign before a number is part of the number, so a negated number needs brackets.
void Printer::negate(const Node& node) {
  const Node& child = *node.children[0];
  const bool brackets =
      child.kind == NodeKind::Arithmetic || child.kind == NodeKind::Negate || is_number(child);
  put("-");
  brackets ? bracketed(child) : value(child);
}

void Printer::aggregate(const Node& node) {
  enter();
  put(word_of(kAggregates, node.aggregate));
  put("(");
  if (!node.children.empty()) {
    value(*node.children[0]);
    if (node.has_events) put(" of ");
  }
  if (node.has_events) {
    bare_event_names(node.events);
    rest(node.events);
  }
  put(")");
  leave();
}

void Printer::tile(const Node& node) {
  enter();
  put(fmt::format("tile({}, ", node.count));
  value(*node.children[0]);
  if (node.children.size() > 1) {
    put(" among (");
    this->node(*node.children[1]);
    put(")");
  }
  put(")");
  leave();
}

void Printer::days_between(const Node& node) {
  enter();
  put("days between ");
  days_operand(*node.children[0]);
  put(" and ");
  days_operand(*node.children[1]);
  leave();
}

void Printer::days_operand(const Node& child) {
  const bool brackets =
      child.kind == NodeKind::Arithmetic || child.kind == NodeKind::Negate || is_negative(child);
  brackets ? bracketed(child) : value(child);
}

void Printer::event_names(const Events& events) {
  const bool brackets = events.names.size() > 1;
  if (brackets) put("(");
  bare_event_names(events);
  if (brackets) put(")");
}

void Printer::bare_event_names(const Events& events) {
  if (events.any_event) return put("any event");
  for (std::size_t i = 0; i < events.names.size(); ++i) {
    if (i > 0) put(" or ");
    quoted(events.names[i], '"');
  }
}

void Printer::rest(const Events& events) {
  if (events.edge != EdgeOfHistory::Whole) {
    put(" at ");
    put(word_of(kEdges, events.edge));
  }
  if (events.where) {
    put(" where (");
    node(*events.where);
    put(")");
  }
  if (events.per) {
    put(" per ");
    value(*events.per);
  }
  if (events.having) {
    put(" having (");
    node(*events.having);
    put(")");
  }
  if (events.window) {
    put(" ");
    window(*events.window);
  }
}

void Printer::duration(const Duration& duration) {
  put(fmt::format("{}{}", duration.amount, word_of(kDurationUnits, duration.unit)));
}

void Printer::window(const Window& window) {
  switch (window.kind) {
    case WindowKind::InLast:
      put("in last ");
      return duration(window.duration);
    case WindowKind::InNext:
      put("in next ");
      return duration(window.duration);
    case WindowKind::InLastCalendar:
      return put(fmt::format("in last {} calendar {}{}", window.count,
                             word_of(kCalendarUnits, window.unit), window.count == 1 ? "" : "s"));
    case WindowKind::Today:
      return put("today");
    case WindowKind::Yesterday:
      return put("yesterday");
    case WindowKind::This:
      put("this ");
      return put(word_of(kCalendarUnits, window.unit));
    case WindowKind::Last:
      put("last ");
      return put(word_of(kCalendarUnits, window.unit));
    case WindowKind::BetweenAgo:
      put("between ");
      duration(window.duration);
      put(" and ");
      duration(window.duration_end);
      return put(" ago");
    case WindowKind::BeforeAgo:
      put("before ");
      duration(window.duration);
      return put(" ago");
    case WindowKind::From:
      put("from " + window.time->text);
      if (window.time_end) put(" to " + window.time_end->text);
      return;
    case WindowKind::Before:
      return put("before " + window.time->text);
    case WindowKind::On:
      return put("on " + window.time->text);
    case WindowKind::Since:
      put("since ");
      return value(*window.since);
  }
}

}  // namespace muster::query
