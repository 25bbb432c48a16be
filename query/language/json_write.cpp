// A tree as JSON: every node an object with one key, its kind (docs/segment-language.md, "JSON").
#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "query/language/language.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

// Numbers beyond 2^53 are written as text: programs that read JSON numbers as doubles lose digits.
constexpr std::int64_t kExactInDoubles = std::int64_t{1} << 53;

class TreeWriter {
 public:
  void node(const Node& node) { is_predicate(node.kind) ? predicate(node) : value(node); }
  std::string take() { return json_.take(); }

 private:
  void predicate(const Node& node);
  void logic(const Node& node);
  void test(const Node& node);
  void test_arguments(const Node& node);
  void quantified(const Node& node);
  void sequence(const Node& node);
  void step(const SequenceStep& step);
  void segment_predicate(const Node& node);
  void field_predicate(const Node& node);
  void top(const Node& node);
  void value(const Node& node);
  void literal(const Literal& literal);
  void aggregate(const Node& node);
  void tile(const Node& node);
  void two_values(std::string_view key, const Node& node);
  void events(const Events& events);
  void event_fields(const Events& events);
  void window(const Window& window);
  void window_fields(const Window& window);
  void path(const Path& path);
  void list(const std::vector<NodePtr>& nodes);

  void empty_object() { json_.begin_object().end_object(); }
  void text(const Duration& duration);

  JsonWriter json_;
};

void TreeWriter::predicate(const Node& node) {
  json_.begin_object();
  switch (node.kind) {
    case NodeKind::And:
    case NodeKind::Or:
    case NodeKind::Not:
    case NodeKind::Everyone:
    case NodeKind::Nobody:
    case NodeKind::AtLeast:
      logic(node);
      break;
    case NodeKind::Quantified:
    case NodeKind::QuantifiedWhere:
      quantified(node);
      break;
    case NodeKind::Did:
      json_.key(node.negated ? "did_not" : "did");
      events(node.events);
      break;
    case NodeKind::Sequence:
      sequence(node);
      break;
    case NodeKind::InSegment:
    case NodeKind::InList:
    case NodeKind::Entered:
    case NodeKind::Left:
    case NodeKind::Sample:
      segment_predicate(node);
      break;
    case NodeKind::BoolPath:
    case NodeKind::Near:
    case NodeKind::Anniversary:
      field_predicate(node);
      break;
    case NodeKind::Top:
      top(node);
      break;
    default:
      test(node);
      break;
  }
  json_.end_object();
}

void TreeWriter::logic(const Node& node) {
  if (node.kind == NodeKind::Everyone || node.kind == NodeKind::Nobody) {
    json_.key(node.kind == NodeKind::Everyone ? "everyone" : "nobody");
    return empty_object();
  }
  if (node.kind == NodeKind::Not) {
    json_.key("not");
    return predicate(*node.children[0]);
  }
  if (node.kind == NodeKind::AtLeast) {
    json_.key("at_least").begin_object();
    json_.key("count").number(node.count).key("of");
    list(node.children);
    json_.end_object();
    return;
  }
  json_.key(node.kind == NodeKind::And ? "and" : "or");
  list(node.children);
}

void TreeWriter::list(const std::vector<NodePtr>& nodes) {
  json_.begin_array();
  for (const NodePtr& child : nodes)
    node(*child);
  json_.end_array();
}

void TreeWriter::test(const Node& node) {
  json_.key("test").begin_object();
  json_.key("value");
  value(*node.children[0]);
  test_arguments(node);
  json_.end_object();
}

void TreeWriter::test_arguments(const Node& node) {
  const std::string_view inverted = node.negated ? "not " : "";
  json_.key("op");
  switch (node.kind) {
    case NodeKind::CompareTest:
      json_.text(word_of(kCompares, node.compare)).key("to");
      return value(*node.children[1]);
    case NodeKind::BetweenTest:
      json_.text(fmt::format("{}between", inverted)).key("from");
      value(*node.children[1]);
      json_.key("to");
      return value(*node.children[2]);
    case NodeKind::InTest:
      json_.text(fmt::format("{}in", inverted)).key("list").begin_array();
      for (const Literal& item : node.literals)
        literal(item);
      json_.end_array();
      return;
    case NodeKind::PresenceTest:
      json_.text(node.negated ? "is present" : "is missing");
      return;
    case NodeKind::TextTest:
      json_.text(fmt::format("{}{}", inverted, word_of(kTextMatches, node.text_match)));
      json_.key("text").text(node.text);
      if (node.ignoring_case) json_.key("ignoring_case").boolean(true);
      return;
    case NodeKind::WindowTest:
      json_.text("within").key("window");
      return window(*node.window);
    default:
      CHECK(!"every predicate is written");
  }
}

void TreeWriter::quantified(const Node& node) {
  json_.key(word_of(kQuantifiers, node.quantifier)).begin_object();
  json_.key("path");
  path(node.path);
  if (node.kind == NodeKind::QuantifiedWhere) {
    json_.key("where");
    predicate(*node.children[0]);
  } else {
    test_arguments(*node.children[0]);
  }
  json_.end_object();
}

void TreeWriter::sequence(const Node& node) {
  json_.key("sequence").begin_object();
  json_.key("steps").begin_array();
  for (const SequenceStep& one : node.steps)
    step(one);
  json_.end_array();
  if (node.within) {
    json_.key("within");
    text(*node.within);
  }
  if (node.window) {
    json_.key("window");
    window(*node.window);
  }
  json_.end_object();
}

void TreeWriter::step(const SequenceStep& step) {
  json_.begin_object();
  if (!step.name.empty()) json_.key("name").text(step.name);
  if (step.within) {
    json_.key("within");
    text(*step.within);
  }
  if (step.without) {
    json_.key("without");
    events(*step.without);
  }
  event_fields(step.events);
  json_.end_object();
}

void TreeWriter::segment_predicate(const Node& node) {
  switch (node.kind) {
    case NodeKind::InSegment:
      json_.key("in_segment").begin_object().key("name").text(node.text);
      if (node.version != 0) json_.key("version").number(node.version);
      break;
    case NodeKind::InList:
      json_.key("in_list").begin_object().key("name").text(node.text);
      break;
    case NodeKind::Sample:
      json_.key("sample").begin_object().key("percent").text(to_string(node.percent.value));
      if (!node.text.empty()) json_.key("salt").text(node.text);
      break;
    default:
      json_.key(node.kind == NodeKind::Entered ? "entered" : "left").begin_object();
      json_.key("segment").text(node.text).key("window");
      window(*node.window);
      break;
  }
  json_.end_object();
}

void TreeWriter::field_predicate(const Node& node) {
  if (node.kind == NodeKind::BoolPath) {
    json_.key("holds");
    return path(node.path);
  }
  json_.key(node.kind == NodeKind::Near ? "near" : "anniversary").begin_object();
  json_.key("path");
  path(node.path);
  if (node.kind == NodeKind::Near) {
    json_.key("lat").number(node.latitude).key("lon").number(node.longitude);
    json_.key("within").text(fmt::format("{} {}", to_string(node.distance), node.text));
  } else {
    json_.key("window");
    window(*node.window);
  }
  json_.end_object();
}

void TreeWriter::top(const Node& node) {
  json_.key("top").begin_object().key("of");
  predicate(*node.children[0]);
  json_.key("count").number(node.count).key("by");
  value(*node.children[1]);
  json_.key("order").text(node.descending ? "desc" : "asc").end_object();
}

void TreeWriter::value(const Node& node) {
  if (node.kind == NodeKind::LiteralValue) return literal(node.literals.front());
  json_.begin_object();
  switch (node.kind) {
    case NodeKind::Now:
      json_.key("now");
      empty_object();
      break;
    case NodeKind::PathValue:
    case NodeKind::Size:
      json_.key(node.kind == NodeKind::Size ? "size" : "path");
      path(node.path);
      break;
    case NodeKind::Aggregate:
      aggregate(node);
      break;
    case NodeKind::Tile:
      tile(node);
      break;
    case NodeKind::DaysBetween:
      two_values("days_between", node);
      break;
    case NodeKind::DatePartOf:
      json_.key("date_part").begin_object();
      json_.key("part").text(word_of(kDateParts, node.date_part)).key("of");
      value(*node.children[0]);
      json_.end_object();
      break;
    case NodeKind::Arithmetic:
      two_values(std::string_view(&node.op, 1), node);
      break;
    case NodeKind::Negate:
      json_.key("negate");
      value(*node.children[0]);
      break;
    default:
      CHECK(!"every value is written, and an Element only as a test's subject");
  }
  json_.end_object();
}

void TreeWriter::two_values(std::string_view key, const Node& node) {
  json_.key(key).begin_array();
  value(*node.children[0]);
  value(*node.children[1]);
  json_.end_array();
}

void TreeWriter::literal(const Literal& literal) {
  struct Visitor {
    JsonWriter& json;
    void operator()(bool truth) const { json.boolean(truth); }
    void operator()(const Decimal& number) const {
      if (number.mantissa >= -kExactInDoubles && number.mantissa <= kExactInDoubles) {
        json.raw(to_string(number));
        return;
      }
      json.begin_object().key("decimal").text(to_string(number)).end_object();
    }
    void operator()(double number) const {
      json.begin_object().key("double").raw(double_text(number)).end_object();
    }
    void operator()(const std::string& text) const { json.text(text); }
    void operator()(const TimeLiteral& time) const {
      json.begin_object().key(time.is_date ? "date" : "time").text(time.text).end_object();
    }
  };
  std::visit(Visitor{json_}, literal);
}

void TreeWriter::aggregate(const Node& node) {
  json_.key(word_of(kAggregates, node.aggregate)).begin_object();
  if (!node.children.empty()) {
    json_.key("value");
    value(*node.children[0]);
  }
  if (node.has_events) {
    json_.key("of");
    events(node.events);
  }
  json_.end_object();
}

void TreeWriter::tile(const Node& node) {
  json_.key("tile").begin_object().key("count").number(node.count).key("value");
  value(*node.children[0]);
  if (node.children.size() > 1) {
    json_.key("among");
    predicate(*node.children[1]);
  }
  json_.end_object();
}

void TreeWriter::events(const Events& events) {
  json_.begin_object();
  event_fields(events);
  json_.end_object();
}

void TreeWriter::event_fields(const Events& events) {
  if (events.any_event) {
    json_.key("any_event").boolean(true);
  } else if (events.names.size() == 1) {
    json_.key("event").text(events.names.front());
  } else {
    json_.key("event").begin_array();
    for (const std::string& name : events.names)
      json_.text(name);
    json_.end_array();
  }
  if (events.edge != EdgeOfHistory::Whole) json_.key("at").text(word_of(kEdges, events.edge));
  if (events.where) {
    json_.key("where");
    predicate(*events.where);
  }
  if (events.per) {
    json_.key("per");
    value(*events.per);
  }
  if (events.having) {
    json_.key("having");
    predicate(*events.having);
  }
  if (events.window) {
    json_.key("window");
    window(*events.window);
  }
}

void TreeWriter::text(const Duration& duration) {
  json_.text(fmt::format("{}{}", duration.amount, word_of(kDurationUnits, duration.unit)));
}

void TreeWriter::window(const Window& window) {
  json_.begin_object();
  window_fields(window);
  json_.end_object();
}

void TreeWriter::window_fields(const Window& window) {
  const std::string_view unit = word_of(kCalendarUnits, window.unit);
  switch (window.kind) {
    case WindowKind::InLast:
      json_.key("in_last");
      return text(window.duration);
    case WindowKind::InNext:
      json_.key("in_next");
      return text(window.duration);
    case WindowKind::InLastCalendar:
      json_.key("in_last_calendar").begin_object();
      json_.key("count").number(window.count).key("unit").text(unit).end_object();
      return;
    case WindowKind::Today:
      json_.key("today");
      return empty_object();
    case WindowKind::Yesterday:
      json_.key("yesterday");
      return empty_object();
    case WindowKind::This:
      json_.key("this").text(unit);
      return;
    case WindowKind::Last:
      json_.key("last").text(unit);
      return;
    case WindowKind::BetweenAgo:
      json_.key("between_ago").begin_array();
      text(window.duration);
      text(window.duration_end);
      json_.end_array();
      return;
    case WindowKind::BeforeAgo:
      json_.key("before_ago");
      return text(window.duration);
    case WindowKind::From:
      json_.key("from").text(window.time->text);
      if (window.time_end) json_.key("to").text(window.time_end->text);
      return;
    case WindowKind::Before:
      json_.key("before").text(window.time->text);
      return;
    case WindowKind::On:
      json_.key("on").text(window.time->text);
      return;
    case WindowKind::Since:
      json_.key("since");
      return value(*window.since);
  }
}

void TreeWriter::path(const Path& path) {
  if (path.names.size() == 1) {
    json_.text(path.names.front());
    return;
  }
  json_.begin_array();
  for (const std::string& name : path.names)
    json_.text(name);
  json_.end_array();
}

}  // namespace

std::string to_json(const NodePtr& tree) {
  TreeWriter writer;
  writer.node(*tree);
  return writer.take();
}

}  // namespace muster::query
