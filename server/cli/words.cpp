#include "server/cli/words.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/limits.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                : std::string();
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return 0;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  return error ? 0 : number;
}

bool flag_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::object* object_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value == nullptr ? nullptr : value->if_object();
}

// Calls `visit` with each object of a list.
template <typename Visit>
void each(const json::object& object, std::string_view key, const Visit& visit) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  const json::array* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr) return;
  for (const json::value& element : *list) {
    if (const json::object* found = element.if_object()) visit(*found);
  }
}

// Numbers as people write them; Boost.JSON's own writer says 3.2598E2. Depth: the parser's limit.
void write_plainly(const json::value& value, JsonWriter& out) {
  if (const json::object* object = value.if_object()) {
    out.begin_object();
    for (const auto& member : *object) {
      out.key({member.key().data(), member.key().size()});
      write_plainly(member.value(), out);
    }
    out.end_object();
  } else if (const json::array* list = value.if_array()) {
    out.begin_array();
    for (const json::value& element : *list) write_plainly(element, out);
    out.end_array();
  } else if (value.is_double()) {
    out.number(value.get_double());
  } else {
    out.raw(json::serialize(value));
  }
}

// Depth: that of the expression; deeper answers are cut.
void explain_node(const json::object& node, std::size_t depth, std::string& out) {
  if (depth > kNestingMax) return;
  const std::string value = text_of(node, "value");
  out += fmt::format("{:{}}{} {}{}\n", "", depth * 2, flag_of(node, "holds") ? "yes" : "no ",
                     text_of(node, "text"), value.empty() ? "" : "   [" + value + "]");
  each(node, "events", [&](const json::object& event) {
    JsonWriter line;
    write_plainly(event, line);
    out += fmt::format("{:{}}{}\n", "", depth * 2 + 6, line.str());
  });
  each(node, "children",
       [&](const json::object& child) { explain_node(child, depth + 1, out); });
}

void plan_node(const json::object& node, std::size_t depth, std::string& out) {
  if (depth > kNestingMax) return;
  out += fmt::format("{:{}}{}   [{}, about {}", "", depth * 2, text_of(node, "text"),
                     text_of(node, "method"), with_commas(number_of(node, "estimated")));
  if (const std::uint64_t blocks = number_of(node, "blocks"); blocks > 0) {
    const json::value* took = node.if_contains("took_us");
    out += fmt::format(": {} in {} blocks, {} bytes, {:.1f} us",
                       with_commas(number_of(node, "people")), with_commas(blocks),
                       with_commas(number_of(node, "bytes")),
                       took == nullptr ? 0.0 : took->to_number<double>());
  }
  out += "]\n";
  each(node, "children", [&](const json::object& child) { plan_node(child, depth + 1, out); });
}

std::string flip_in_words(const json::object& answer) {
  const json::object* const flip = object_of(answer, "flip");
  if (flip == nullptr) return "otherwise if: not known; " + text_of(answer, "flip_unknown") + "\n";
  std::string out = "otherwise if:\n";
  each(*flip, "changes", [&](const json::object& change) {
    out += "  " + text_of(change, "text") + "\n";
  });
  return out + (flag_of(*flip, "minimal") ? "" : "  (fewer changes may do it, too)\n");
}

std::string ms_text(std::uint64_t us) {
  return fmt::format("{:.1f} ms", static_cast<double>(us) / 1'000);
}

}  // namespace

std::string count_in_words(const json::object& answer) {
  const std::uint64_t count = number_of(answer, "count");
  const std::uint64_t universe = number_of(answer, "universe");
  const double share =
      universe == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(universe);
  const std::string_view tie =
      flag_of(answer, "cut_in_tie") ? ", cut between people of the same value" : "";
  return fmt::format("{} of {} people ({:.1f} %){}, snapshot {}, {}", with_commas(count),
                     with_commas(universe), share, tie, number_of(answer, "snapshot"),
                     ms_text(number_of(answer, "took_us")));
}

std::string explanation_in_words(const json::object& answer) {
  std::string out = text_of(answer, "profile_id") +
                    (flag_of(answer, "member") ? " is in it" : " is not in it");
  const std::string until = text_of(answer, "until"), unknown = text_of(answer, "until_unknown");
  if (!until.empty()) out += ", until " + until + " if nothing else happens";
  if (!unknown.empty()) out += "; until when is not known: " + unknown;
  out += ":\n";
  if (const json::object* tree = object_of(answer, "tree")) explain_node(*tree, 1, out);
  return out + flip_in_words(answer);
}

std::string plan_in_words(const json::object& answer) {
  std::string out;
  if (const json::object* tree = object_of(answer, "tree")) plan_node(*tree, 0, out);
  return out + "expected to take " + ms_text(number_of(answer, "expected_us")) + "\n";
}

std::string check_in_words(const json::object& answer) {
  std::string out = text_of(answer, "canonical") + "\n" + "expected to take " +
                    ms_text(number_of(answer, "expected_us")) + "\n";
  const json::value* warnings = answer.if_contains("warnings");
  const json::array* list = warnings == nullptr ? nullptr : warnings->if_array();
  if (list == nullptr) return out;
  for (const json::value& warning : *list) {
    if (warning.is_string()) out += "warning: " + std::string(warning.get_string()) + "\n";
  }
  return out;
}

}  // namespace muster::server
