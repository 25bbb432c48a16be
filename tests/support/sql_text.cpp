#include "tests/support/sql_text.h"

#include "tests/support/sql_translator.h"

namespace muster::testing {
namespace {

using query::Compare;

const char* sign_of(Compare compare) {
  switch (compare) {
    case Compare::Equal: return " = ";
    case Compare::NotEqual: return " <> ";
    case Compare::Less: return " < ";
    case Compare::LessEqual: return " <= ";
    case Compare::Greater: return " > ";
    case Compare::GreaterEqual: return " >= ";
  }
  return "";
}

}  // namespace

std::string Translator::combined(const Node& node, const Place& place, const char* word) {
  std::string made;
  for (const NodePtr& child : node.children) {
    made += (made.empty() ? "" : word) + test(*child, place);
  }
  return "(" + made + ")";
}

std::string Translator::test(const Node& node, const Place& place) {
  switch (node.kind) {
    case NodeKind::And: return combined(node, place, " AND ");
    case NodeKind::Or: return combined(node, place, " OR ");
    case NodeKind::Not: return "(NOT " + test(*node.children[0], place) + ")";
    case NodeKind::AtLeast:
      return "(" + combined(node, place, " + ") + " >= " + std::to_string(node.count) + ")";
    case NodeKind::Everyone: return "1";
    case NodeKind::Nobody: return "0";
    case NodeKind::BoolPath: return surely(path(node.path.names, place).number);
    case NodeKind::CompareTest:
      return surely(compared(value(*node.children[0], place), node.compare,
                             value(*node.children[1], place)));
    case NodeKind::BetweenTest: return between(node, place);
    case NodeKind::InTest: return one_of(node, place);
    case NodeKind::PresenceTest: return presence(node, place);
    case NodeKind::TextTest: return text_test(node, place);
    case NodeKind::WindowTest: return within(*node.window, value(*node.children[0], place));
    case NodeKind::Quantified: return quantified(node, place);
    case NodeKind::QuantifiedWhere: return over_objects(node, place);
    case NodeKind::Did: return did(node);
    case NodeKind::Sequence: return sequence(node);
    case NodeKind::InSegment: {
      const auto found = context_.segments.find(node.text);
      return found == context_.segments.end() ? give_up() : test(*found->second, place);
    }
    case NodeKind::InList:
      return "EXISTS (SELECT 1 FROM member m WHERE m.list = " + sql_text(node.text) +
             " AND m.id = p.id)";
    default: return give_up();
  }
}

std::string Translator::did(const Node& node) {
  const std::string row = alias("e");
  const std::string found = node.events.per ? groups(node.events)
                                            : "SELECT 1 FROM event " + row + " WHERE " +
                                                  taken(node.events, row, {});
  return std::string(node.negated ? "(NOT EXISTS (" : "(EXISTS (") + found + "))";
}

std::string Translator::compared(SqlValue a, Compare compare, SqlValue b) {
  const std::string sign = sign_of(compare);
  const bool is_time = (a.kind == Kind::Time || a.kind == Kind::Date) &&
                       (b.kind == Kind::Time || b.kind == Kind::Date);
  if (is_time && a.kind != b.kind) return "(" + day(a) + sign + day(b) + ")";
  if (a.kind == Kind::Real && b.kind == Kind::Exact && b.denominator.empty()) {
    return "(" + a.number + sign + b.number + " / " + sql_power(b.scale) + ".0)";
  }
  if (a.kind != b.kind || a.kind == Kind::Unknown) return give_up();
  if (a.kind != Kind::Exact) return "(" + a.number + sign + b.number + ")";
  bring_to_one_scale(a, b);
  if (a.denominator.empty() && b.denominator.empty()) {
    return "(" + a.number + sign + b.number + ")";
  }
  const std::string d = a.denominator.empty() ? "1" : a.denominator;
  const std::string e = b.denominator.empty() ? "1" : b.denominator;
  return "((" + a.number + " * " + e + " - " + b.number + " * " + d + ") * sign(" + d +
         ") * sign(" + e + ")" + sign + "0)";
}

std::string Translator::between(const Node& node, const Place& place) {
  const SqlValue subject = value(*node.children[0], place);
  const std::string both =
      "(" + compared(subject, Compare::GreaterEqual, value(*node.children[1], place)) + " AND " +
      compared(subject, Compare::LessEqual, value(*node.children[2], place)) + ")";
  if (!node.negated) return surely(both);
  // With something missing it is no more "not between" than between.
  return surely("(NOT " + both + " AND " + subject.number + " IS NOT NULL AND " +
                value(*node.children[1], place).number + " IS NOT NULL AND " +
                value(*node.children[2], place).number + " IS NOT NULL)");
}

std::string Translator::one_of(const Node& node, const Place& place) {
  const SqlValue subject = value(*node.children[0], place);
  std::string any;
  for (const query::Literal& one : node.literals) {
    any += (any.empty() ? "" : " OR ") + compared(subject, Compare::Equal, literal(one));
  }
  return surely(std::string(node.negated ? "(NOT (" : "((") + any + "))");
}

std::string Translator::presence(const Node& node, const Place& place) {
  const Node& subject = *node.children[0];
  const std::string is = node.negated ? " IS NOT NULL" : " IS NULL";
  if (subject.kind == NodeKind::PathValue && is_list(subject.path, place)) {
    return "(" + size(subject.path, place) + (node.negated ? " > 0)" : " = 0)");
  }
  const SqlValue asked = value(subject, place);
  if (asked.denominator.empty()) return "(" + asked.number + is + ")";
  return "((" + asked.number + " + " + asked.denominator + ")" + is + ")";
}

std::string Translator::text_test(const Node& node, const Place& place) {
  const SqlValue subject = value(*node.children[0], place);
  if (node.ignoring_case || subject.kind != Kind::Text) return give_up();
  const std::string part = sql_text(node.text);
  std::string made;
  switch (node.text_match) {
    case query::TextMatch::Contains:
      made = "instr(" + subject.number + ", " + part + ") > 0";
      break;
    case query::TextMatch::StartsWith:
      made = "substr(" + subject.number + ", 1, length(" + part + ")) = " + part;
      break;
    case query::TextMatch::EndsWith:
      made = "(" + part + " = '' AND " + subject.number + " IS NOT NULL OR substr(" +
             subject.number + ", -length(" + part + ")) = " + part + ")";
      break;
    case query::TextMatch::Matches: return give_up();
  }
  if (!node.negated) return surely("(" + made + ")");
  return surely("(NOT (" + made + ") AND " + subject.number + " IS NOT NULL)");
}

std::string Translator::within(const query::Window& window, const SqlValue& subject) {
  const std::string time = moment(subject);
  if (window.since) {
    const SqlValue since = value(*window.since, {.owner = "p", .tables = {"profiles"}});
    return surely("(" + time + " >= " + moment(since) + " AND " + time + " <= " +
                  std::to_string(context_.now) + ")");
  }
  const Span span = naive_span(scope_, window, Missing());
  std::string made = time + " IS NOT NULL";
  if (span.from) made += " AND " + time + " >= " + std::to_string(*span.from);
  if (span.before) made += " AND " + time + " < " + std::to_string(*span.before);
  if (span.until) made += " AND " + time + " <= " + std::to_string(*span.until);
  return surely("(" + made + ")");
}

std::string sql_text(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

std::string sql_name(const std::string& name) { return "\"" + name + "\""; }

std::optional<std::string> sql_of(const People& people, const NaiveContext& context,
                                  const query::NodePtr& segment) {
  return Translator(people, context).segment(segment);
}

}  // namespace muster::testing
