// Random aggregates, groups and sequences.
#include "base/check.h"
#include "tests/support/random_segment.h"

namespace muster::testing {
namespace {

bool is_number(Type type) {
  return type == Type::Int || type == Type::Decimal || type == Type::Double;
}

}  // namespace

std::string RandomSegment::events(const std::string& event) {
  std::string out = one_in(8) ? "any event" : quoted(event);
  const bool any_event = out == "any event";
  if (one_in(8)) out += one_in(2) ? " at first" : " at last";
  if (!any_event && one_in(2))
    out += " where (" + test(1, {.table = event, .in_event = true, .objects = ""}) + ")";
  if (!any_event && one_in(6)) out += grouped(event);
  if (one_in(2)) out += " " + window_at(people_place_);
  return out;
}

// per ... having (...)
std::string RandomSegment::grouped(const std::string& event) {
  std::string out = " per ";
  if (event == "purchase") {
    out += one_of({"sku", "product_id", "date(ts)", "qty", "amount / qty", "paid", "hour(ts)"});
  } else if (event == "view") {
    out += one_of({"sku", "product_id", "date(ts)", "seconds / 7"});
  } else {
    out += one_of({"date(ts)", "amount", "weekday(ts)"});
  }
  return one_in(2) ? out + " having (" + group_test(event, 1) + ")" : out;
}

std::string RandomSegment::group_test(const std::string& event, int depth) {
  const std::string number = number_path(event);
  if (depth > 0 && one_in(3)) {
    return group_test(event, 0) + one_of({" and ", " or ", " and not "}) + group_test(event, 0);
  }
  switch (random_.below(5)) {
    case 0:
      return "count()" + compare() + one_of({"1", "2"});
    case 1:
      return std::string(one_of({"sum(", "min(", "p50(", "avg("})) + number + ")" + compare() +
             some_number();
    case 2:
      return "max(" + number + ") - min(" + number + ")" + compare() + some_number();
    case 3:
      return std::string(one_of({"first()", "last()"})) + " " + window();
    default:
      return "distinct(" + number + ") = count()";
  }
}

// Several events at once; what they have in common may be asked.
std::string RandomSegment::several_names() {
  std::string out = one_of({"(\"purchase\" or \"view\")", "(\"view\" or \"Refund (partial)\")"});
  if (out.starts_with("(\"purchase") && one_in(2)) {
    out += one_of({" where (sku = \"a1\")", " where (sku in (\"a2\", \"c7\"))",
                   " where (profile.age > 40)", " where (not (sku contains \"a\"))"});
  }
  return one_in(2) ? out + " " + window_at(people_place_) : out;
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

// A number of the event, or one made of its numbers: fractions, too.
std::string RandomSegment::number_inside(const std::string& event) {
  const std::string path = number_path(event);
  if (event != "purchase" || !one_in(3)) return path;
  return one_of({"amount / qty", "amount * 2 - qty", "qty / 3", "amount * amount", "-qty",
                 "days between due and ts", "size(labels) + qty", "profile.age - qty"});
}

std::string RandomSegment::some_number() {
  return one_of({"0", "1", "2", "3", "10", "25.5", "100", "0.001", "-4", "7.250"});
}

std::string RandomSegment::number_aggregate(const std::string& event) {
  const char* const function = one_of(
      {"sum", "avg", "min", "max", "distinct", "first", "last", "p50", "p95", "most_common"});
  return std::string(function) + "(" + number_inside(event) + " of " + named_events(event) + ")";
}

// Events that have the properties of the one named.
std::string RandomSegment::named_events(const std::string& event) {
  std::string named = events(event);
  while (named.starts_with("any event")) named = events(event);
  return named;
}

std::string RandomSegment::time_aggregate_test(const std::string& event) {
  const std::string edge = std::string(one_of({"first(", "last("})) + events(event) + ")";
  switch (random_.below(4)) {
    case 0:
      return edge + " " + window();
    case 1:
      return edge + compare() + moment();
    case 2:
      return edge + (one_in(2) ? " is missing" : " is present");
    default:
      return "days between " + edge + " and now" + compare() + one_of({"1", "7", "30.5", "90"});
  }
}

std::string RandomSegment::edge_of_text_test() {
  const std::string edge = std::string(one_of({"first", "last", "most_common"})) + "(sku of " +
                           (one_in(3) ? several_names() : events("purchase")) + ")";
  switch (random_.below(5)) {
    case 3:
      return edge + (one_in(2) ? " = " : " != ") +
             one_of({"first(sku of \"view\")", "last(sku of \"purchase\")", "plan",
                     "most_common(product_id of \"view\")"});
    case 4:
      return edge + one_of({" contains \"a\"", " not starts with \"a\"",
                            " ends with \"1\" ignoring case"});
    case 0:
      return edge + (one_in(2) ? " is missing" : " is present");
    case 1:
      return edge + (one_in(2) ? " = " : " != ") + one_of({"\"a1\"", "\"b1\"", "\"zz\""});
    default:
      return edge + (one_in(2) ? " in (\"a1\", \"a2\")" : " not in (\"a1\", \"ß\")");
  }
}

std::string RandomSegment::aggregate_test() {
  const std::string event = some_event();
  if (one_in(8)) return "count(" + several_names() + ")" + compare() + one_of({"0", "1", "3"});
  if (one_in(10)) return edge_of_text_test();
  if (one_in(5)) {
    const std::string of = " of " + named_events("purchase") + ")";
    const std::string path = number_path("purchase");
    return one_in(2) ? "p95(" + path + of + compare() + "p50(" + path + of
                     : "most_common(sku" + of + (one_in(2) ? " = " : " != ") + "first(sku" + of;
  }
  switch (random_.below(8)) {
    case 0:
    case 1:
      return "count(" + events(event) + ")" + compare() + one_of({"0", "1", "2", "3", "2.5"});
    case 2:
      return time_aggregate_test(event);
    case 3:
      return "distinct(sku of \"purchase\" " + window_at(people_place_) + ")" + compare() + "1";
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

// A later step may ask for what the one named `a` had.
std::string RandomSegment::step_filter(bool after_purchase) {
  if (!after_purchase || one_in(3))
    return one_of({"sku = \"a1\"", "sku != \"a1\"", "hour(ts) > 6"});
  // The few products may all lack one, and what nobody has is no name that can be asked.
  const bool has_category = people_.fields.contains("product.category");
  if (has_category && one_in(16)) return "a.product.category = \"Bikes\"";
  return one_of({"sku = a.sku", "sku != a.sku", "product_id = a.product_id", "a.sku = \"a1\"",
                 "a.sku not in (\"a1\", \"b1\")", "a.qty > 1", "any a.labels = \"x\"",
                 "size(a.labels) >= 1", "a.paid", "a.due before 2024-03-01",
                 "date(ts) = date(a.ts)", "days between a.ts and ts < 3.5", "a.weight is missing",
                 "any a.items where (qty > 1)", "a.sku starts with \"a\"", "sku = a.product_id"});
}

std::string RandomSegment::sequence() {
  std::string out = "sequence(a: \"purchase\"";
  if (one_in(6)) out += one_in(2) ? " at first" : " at last";
  if (one_in(4))
    out += " where (" + test(0, {.table = "purchase", .in_event = true, .objects = ""}) + ")";
  for (std::uint32_t left = 1 + random_.below(2); left > 0; --left) {
    out += " then ";
    if (one_in(2)) out += "within " + duration() + " ";
    if (one_in(2)) {
      out += one_of({"without (\"Refund (partial)\") ", "without (\"view\" where (sku = \"a1\")) ",
                     "without (\"view\" where (sku = a.sku)) ", "without (any event) ",
                     "without (\"purchase\") ", "without (\"purchase\" or \"view\" in last 30d) ",
                     "without (\"view\" per sku having (count() >= 2)) ",
                     "without (\"purchase\" per date(ts)) "});
    }
    out += one_of({"\"purchase\"", "\"view\"", "(\"purchase\" or \"view\")"});
    if (one_in(8)) out += " at last";
    if (one_in(2)) out += " where (" + step_filter(true) + ")";
  }
  out += ")";
  if (one_in(3)) out += " within " + duration();
  return one_in(3) ? out + " " + window_at(people_place_) : out;
}

}  // namespace muster::testing
