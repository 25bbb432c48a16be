#include "tests/support/random_segment.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "tests/support/random_people.h"

namespace muster::testing {
namespace {

std::string quoted(const std::string& text) {
  JsonWriter json;
  json.text(text);
  return json.take();
}

std::string literal_text(const Value& value) {
  struct Visitor {
    std::string operator()(Missing) const { CHECK(!"a literal has a value"); }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(Decimal number) const { return to_string(number); }
    std::string operator()(double number) const {
      char buffer[64];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                                     std::chars_format::scientific);
      return std::string(buffer, end.ptr);
    }
    std::string operator()(const std::string& text) const { return quoted(text); }
    std::string operator()(Instant time) const { return to_rfc3339(time.ms); }
    std::string operator()(Date day) const { return to_string(day); }
    std::string operator()(GeoPoint) const { CHECK(!"points have no literal"); }
  };
  return std::visit(Visitor(), value);
}

Value default_value(Type type) {
  switch (type) {
    case Type::Bool: return true;
    case Type::Int:
    case Type::Decimal: return Decimal{1, 0};
    case Type::Double: return 0.5;
    case Type::Timestamp: return Instant{kRandomNow};
    case Type::Date: return Date{19'700};
    case Type::String:
    case Type::Geo:
    case Type::Json: break;
  }
  return std::string("none of them");
}

// All values of a field, by its key.
std::vector<Value> values_in(const People& people, const std::string& key) {
  std::vector<Value> out;
  const auto take = [&out](const PlainFields& fields, const std::string& name) {
    const auto found = fields.find(name);
    if (found == fields.end()) return;
    out.insert(out.end(), found->second.values.begin(), found->second.values.end());
  };
  const std::size_t dot = key.find('.');
  const std::string table = key.substr(0, dot), name = key.substr(dot + 1);
  for (const Person& person : people.people) {
    if (table == "profiles") take(person.attributes, name);
    for (const PlainEvent& event : person.events) {
      if (event.name == table) take(event.properties, name);
    }
  }
  const auto entity = people.entities.find(table);
  if (entity == people.entities.end()) return out;
  for (const auto& [id, fields] : entity->second) take(fields, name);
  return out;
}

bool is_number(Type type) {
  return type == Type::Int || type == Type::Decimal || type == Type::Double;
}

}  // namespace

const char* RandomSegment::one_of(std::initializer_list<const char*> choices) {
  return choices.begin()[random_.below(static_cast<std::uint32_t>(choices.size()))];
}

std::vector<RandomSegment::Choice> RandomSegment::choices(const Place& place) const {
  std::vector<Choice> out;
  const auto add = [&](const std::string& table, const std::string& prefix) {
    for (const auto& [key, type] : people_.fields) {
      if (!key.starts_with(table + ".")) continue;
      out.push_back({prefix + key.substr(table.size() + 1), key, type});
    }
  };
  add(place.table, "");
  for (const auto& [key, entity] : people_.references) {
    if (key.starts_with(place.table + ".")) add(entity, entity + ".");
  }
  if (!place.in_event) return out;
  out.push_back({"profile.country", "profiles.country", {Type::String}});
  out.push_back({"profile.age", "profiles.age", {Type::Int}});
  out.push_back({"ts", "profiles.seen", {Type::Timestamp}});
  return out;
}

RandomSegment::Choice RandomSegment::choose(const Place& place) {
  const std::vector<Choice> all = choices(place);
  return all[random_.below(static_cast<std::uint32_t>(all.size()))];
}

std::string RandomSegment::literal(const Choice& choice) {
  const std::vector<Value> values = values_in(people_, choice.key);
  if (values.empty()) return literal_text(default_value(choice.type.type));
  Value value = values[random_.below(static_cast<std::uint32_t>(values.size()))];
  if (one_in(3)) {
    if (Decimal* number = std::get_if<Decimal>(&value)) number->mantissa += one_in(2) ? 1 : -1;
    if (Instant* time = std::get_if<Instant>(&value)) time->ms += one_in(2) ? 1 : -1;
    if (Date* day = std::get_if<Date>(&value)) day->days += one_in(2) ? 1 : -1;
  }
  // A time may be compared with a day.
  const Instant* time = std::get_if<Instant>(&value);
  if (time != nullptr && one_in(3)) return to_string(Zone().day_of(time->ms));
  return literal_text(value);
}

std::string RandomSegment::some_event() {
  return one_of({"purchase", "purchase", "view", "Refund (partial)"});
}

std::string RandomSegment::duration() {
  return one_of({"1s", "90m", "12h", "1d", "7d", "2w", "30d", "60d", "90d", "365d", "30 days"});
}

std::string RandomSegment::moment() {
  return one_of({"2024-01-01", "2024-03-10", "2024-03-09T23:59:59.999", "2024-02-09T08:00:00Z",
                 "2024-03-10T08:00:00Z", "2023-12-31T23:30:00-05:00", "2024-03-10T02:30"});
}

std::string RandomSegment::window() {
  const char* const unit = one_of({"day", "week", "month", "quarter", "year"});
  switch (random_.below(10)) {
    case 0:
    case 1: return "in last " + duration();
    case 2: return std::string("in last ") + one_of({"1", "2", "5"}) + " calendar " + unit;
    case 3: return one_of({"today", "yesterday"});
    case 4: return std::string(one_of({"this ", "last "})) + unit;
    case 5: return one_of({"between 90d and 30d ago", "between 30d and 7d ago",
                           "between 1d and 1s ago"});
    case 6: return "before " + duration() + " ago";
    case 7: return "from " + moment() + (one_in(2) ? " to 2024-03-10T03:00" : "");
    case 8: return "before " + moment();
    default: return std::string(one_of({"on 2024-03-10", "on 2024-02-29", "since 2024-02-09",
                                        "since 2024-03-01T00:00:00Z"}));
  }
}

std::string RandomSegment::events(const std::string& event) {
  std::string out = one_in(8) ? "any event" : quoted(event);
  const bool any_event = out == "any event";
  if (!any_event && one_in(2)) out += " where (" + test(1, {event, true}) + ")";
  if (one_in(2)) out += " " + window();
  return out;
}

// Several events at once; what they have in common may be asked.
std::string RandomSegment::several_names() {
  std::string out = one_of({"(\"purchase\" or \"view\")", "(\"view\" or \"Refund (partial)\")"});
  if (out.starts_with("(\"purchase") && one_in(2)) {
    out += one_of({" where (sku = \"a1\")", " where (sku in (\"a2\", \"c7\"))",
                   " where (profile.age > 40)", " where (not (sku contains \"a\"))"});
  }
  return one_in(2) ? out + " " + window() : out;
}

std::string RandomSegment::did() {
  if (one_in(6)) return std::string("did ") + (one_in(3) ? "not " : "") + several_names();
  return std::string("did ") + (one_in(3) ? "not " : "") + events(some_event());
}

std::string RandomSegment::number_path(const std::string& event) {
  std::vector<std::string> paths;
  for (const Choice& choice : choices({event, true})) {
    if (is_number(choice.type.type) && !choice.type.list) paths.push_back(choice.path);
  }
  CHECK(!paths.empty());
  return paths[random_.below(static_cast<std::uint32_t>(paths.size()))];
}

std::string RandomSegment::some_number() {
  return one_of({"0", "1", "2", "3", "10", "25.5", "100", "0.001", "-4", "7.250"});
}

std::string RandomSegment::number_aggregate(const std::string& event) {
  const char* const function = one_of({"sum", "avg", "min", "max", "distinct", "first", "last"});
  std::string named = events(event);
  while (named.starts_with("any event")) named = events(event);
  return std::string(function) + "(" + number_path(event) + " of " + named + ")";
}

std::string RandomSegment::time_aggregate_test(const std::string& event) {
  const std::string edge = std::string(one_of({"first(", "last("})) + events(event) + ")";
  switch (random_.below(4)) {
    case 0: return edge + " " + window();
    case 1: return edge + compare() + moment();
    case 2: return edge + (one_in(2) ? " is missing" : " is present");
    default:
      return "days between " + edge + " and now" + compare() + one_of({"1", "7", "30.5", "90"});
  }
}

std::string RandomSegment::edge_of_text_test() {
  const std::string edge = std::string(one_of({"first", "last"})) + "(sku of " +
                           (one_in(3) ? several_names() : events("purchase")) + ")";
  switch (random_.below(3)) {
    case 0: return edge + (one_in(2) ? " is missing" : " is present");
    case 1: return edge + (one_in(2) ? " = " : " != ") + one_of({"\"a1\"", "\"b1\"", "\"zz\""});
    default: return edge + (one_in(2) ? " in (\"a1\", \"a2\")" : " not in (\"a1\", \"ß\")");
  }
}

std::string RandomSegment::date_part_test(const Place& place) {
  const std::string time = place.in_event ? "ts" : one_of({"seen", "seen", "last(\"purchase\")"});
  switch (random_.below(5)) {
    case 0: return "hour(" + time + ")" + compare() + std::to_string(random_.below(24));
    case 1: return "weekday(" + time + ") in (1, 6, 7)";
    case 2: return "date(" + time + ")" + compare() + one_of({"2024-03-10", "2024-02-09"});
    case 3:
      return std::string(one_of({"month(", "day(", "week("})) + time + ")" + compare() +
             std::to_string(random_.below(12));
    default: return "year(" + time + ") * 4 + quarter(" + time + ")" + compare() + "8097";
  }
}

// Values compared with values of the same row.
std::string RandomSegment::two_values_test(const Place& place) {
  if (place.in_event) {
    return std::string("ts") + compare() + one_of({"now", "profile.seen", "profile.joined"});
  }
  switch (random_.below(6)) {
    case 0: return "points" + compare() + "age";
    case 1: return "income - 0.5" + compare() + "age / 3";
    case 2: return "seen" + compare() + one_of({"joined", "last(\"purchase\")", "now"});
    case 3: return "max(due of \"purchase\")" + compare() + one_of({"joined", "2024-02-01"});
    case 4: return "plan" + std::string(one_in(2) ? " = " : " != ") + "country";
    default:
      return "points between age - 40 and 2 * count(" + events(some_event()) + ") + 300";
  }
}

std::string RandomSegment::membership_test() {
  const auto pick = [this](const std::vector<std::string>& names) {
    return quoted(names[random_.below(static_cast<std::uint32_t>(names.size()))]);
  };
  const std::string negation = one_in(3) ? "not " : "";
  if (!lists_.empty() && (segments_.empty() || one_in(3))) {
    return negation + "in list " + pick(lists_);
  }
  return segments_.empty() ? "everyone" : negation + "in segment " + pick(segments_);
}

std::string RandomSegment::aggregate_test() {
  const std::string event = some_event();
  if (one_in(8)) return "count(" + several_names() + ")" + compare() + one_of({"0", "1", "3"});
  if (one_in(10)) return edge_of_text_test();
  switch (random_.below(8)) {
    case 0:
    case 1:
      return "count(" + events(event) + ")" + compare() + one_of({"0", "1", "2", "3", "2.5"});
    case 2: return time_aggregate_test(event);
    case 3: return "distinct(sku of \"purchase\" " + window() + ")" + compare() + "1";
    case 4:
      return "sum(amount of " + events("purchase") + ")" + compare() +
             one_of({"2", "0.5", "count(\"purchase\")"}) + " * sum(amount of \"purchase\")";
    case 5: {
      const char* const total = one_of({"count(\"purchase\")", "count(\"view\")", "age"});
      return "sum(qty of " + events("purchase") + ") / " + total + compare() +
             one_of({"1", "0.5", "1.25"});
    }
    default: {
      const std::string value = number_aggregate(event);
      if (one_in(4)) return value + (one_in(2) ? " is missing" : " between -3 and 40.5");
      return value + compare() + some_number();
    }
  }
}

std::string RandomSegment::text_test(const std::string& subject, const Choice& choice) {
  if (one_in(2)) {
    return subject + (one_in(3) ? " != " : " = ") + literal(choice);
  }
  if (one_in(2)) {
    return subject + (one_in(2) ? " not in (" : " in (") + literal(choice) + ", " +
           literal(choice) + ", \"nowhere\")";
  }
  const std::string match = one_of({" contains ", " starts with ", " ends with ", " matches "});
  const std::string part = match == " matches " ? one_of({"\"^[A-Z]\"", "\"o$\"", "\"a.?1|pro\""})
                                                : one_of({"\"s\"", "\"S\"", "\"ö\"", "\"STRASSE\"",
                                                          "\"a\"", "\"ß\"", "\"\""});
  return subject + (one_in(3) ? " not" : "") + match + part +
         (one_in(2) && match != " matches " ? " ignoring case" : "");
}

std::string RandomSegment::ordered_test(const std::string& subject, const Choice& choice) {
  const bool time = choice.type.type == Type::Timestamp;
  if (choice.type.type == Type::Date && !choice.type.list && one_in(4)) {
    return subject + " " + window();
  }
  switch (random_.below(6)) {
    case 0:
      return subject + (one_in(3) ? " not" : "") + " between " + literal(choice) + " and " +
             literal(choice);
    case 1:
      if (!time) return subject + (one_in(2) ? " not in (" : " in (") + literal(choice) + ", " +
                        literal(choice) + ")";
      return subject + " " + window();
    case 2:
      if (time) return subject + " " + window();
      [[fallthrough]];
    default: return subject + compare() + literal(choice);
  }
}

std::string RandomSegment::scalar_test(const std::string& subject, const Choice& choice) {
  switch (choice.type.type) {
    case Type::String: return text_test(subject, choice);
    case Type::Bool: return subject + (one_in(2) ? " = true" : " != true");
    case Type::Int:
    case Type::Decimal:
    case Type::Double:
    case Type::Timestamp:
    case Type::Date: return ordered_test(subject, choice);
    case Type::Geo:
    case Type::Json: break;
  }
  CHECK(!"this type has a test of its own");
}

std::string RandomSegment::near(const Choice& choice) {
  return choice.path + " near (48." + std::to_string(random_.below(10)) + ", 11.3) within " +
         one_of({"3.3 km", "30 km", "7.77 mi", "64321 m", "500km"});
}

std::string RandomSegment::list_test(const Choice& choice) {
  if (one_in(5)) return "size(" + choice.path + ")" + compare() + std::to_string(random_.below(4));
  const std::string subject = std::string(one_of({"any ", "all ", "none "})) + choice.path;
  return scalar_test(subject, choice);
}

std::string RandomSegment::attribute_test(const Place& place) {
  const Choice choice = choose(place);
  if (one_in(8)) return choice.path + (one_in(2) ? " is missing" : " is present");
  if (choice.type.list) return list_test(choice);
  if (choice.type.type == Type::Geo) return near(choice);
  if (choice.type.type == Type::Bool && one_in(2)) return choice.path;
  if (choice.type.type == Type::Int && !place.in_event && one_in(6)) {
    return choice.path + " * 2 + 1" + compare() + one_of({"income", "points - age", "19"});
  }
  return scalar_test(choice.path, choice);
}

std::string RandomSegment::leaf(const Place& place) {
  if (one_in(12)) return date_part_test(place);
  if (one_in(12)) return two_values_test(place);
  if (place.in_event) return attribute_test(place);
  switch (random_.below(12)) {
    case 0: return one_in(3) ? one_of({"everyone", "nobody"}) : membership_test();
    case 1:
    case 2: return did();
    case 3:
    case 4:
    case 5: return aggregate_test();
    default: return attribute_test(place);
  }
}

std::string RandomSegment::test(int depth, const Place& place) {
  if (depth == 0 || one_in(4)) return leaf(place);
  switch (random_.below(6)) {
    case 0: return "not (" + test(depth - 1, place) + ")";
    case 5:
      return "at least 2 of (" + test(depth - 1, place) + ", " + test(depth - 1, place) + ", " +
             test(depth - 1, place) + ")";
    case 1:
    case 2: return "(" + test(depth - 1, place) + ") or (" + test(depth - 1, place) + ")";
    default: return "(" + test(depth - 1, place) + ") and (" + test(depth - 1, place) + ")";
  }
}

std::string RandomSegment::predicate(int depth) { return test(depth, {"profiles", false}); }

namespace {

// Trees one step smaller: a child in place of its parent, one child fewer, a filter left out.
std::vector<query::NodePtr> smaller(const query::NodePtr& tree) {
  using query::NodeKind;
  std::vector<query::NodePtr> out;
  const bool logic = tree->kind == NodeKind::And || tree->kind == NodeKind::Or ||
                     tree->kind == NodeKind::Not;
  const auto with = [&](const std::function<void(query::Node&)>& change) {
    query::Node copy = *tree;
    change(copy);
    out.push_back(std::make_shared<const query::Node>(std::move(copy)));
  };
  if (logic) out.insert(out.end(), tree->children.begin(), tree->children.end());
  for (std::size_t i = 0; i < tree->children.size(); ++i) {
    for (const query::NodePtr& child : smaller(tree->children[i])) {
      with([&](query::Node& node) { node.children[i] = child; });
    }
  }
  if (tree->events.window) with([](query::Node& node) { node.events.window.reset(); });
  if (tree->events.where != nullptr) {
    with([](query::Node& node) { node.events.where = nullptr; });
    for (const query::NodePtr& where : smaller(tree->events.where)) {
      with([&](query::Node& node) { node.events.where = where; });
    }
  }
  return out;
}

}  // namespace

query::NodePtr shrink(const query::NodePtr& tree,
                      const std::function<bool(const query::NodePtr&)>& fails) {
  constexpr int kCallsMax = 400;
  query::NodePtr best = tree;
  int calls = 0;
  for (bool shrunk = true; shrunk && calls < kCallsMax;) {
    shrunk = false;
    for (const query::NodePtr& candidate : smaller(best)) {
      if (++calls > kCallsMax || !fails(candidate)) continue;
      best = candidate;
      shrunk = true;
      break;
    }
  }
  return best;
}

}  // namespace muster::testing
