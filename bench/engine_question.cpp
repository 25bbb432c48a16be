#include "bench/engine_question.h"

#include <fmt/format.h>

#include "base/check.h"
#include "index/table.h"

namespace muster::bench {
namespace {

using Op = Question::Op;

std::string joined(const Question& question, std::string_view between) {
  std::string out = "(";
  for (const Question& child : question.children) {
    if (out.size() > 1) out += between;
    out += to_text(child);
  }
  return out + ")";
}

std::string in_text(const Question& question) {
  const FieldShape& field = kFields[question.field];
  if (field.type.type == Type::Bool) {
    CHECK(question.codes.size() == 1);
    return fmt::format("{} = {}", field.name, question.codes[0] == 1);
  }
  std::string values;
  for (const std::uint32_t code : question.codes) {
    if (!values.empty()) values += ", ";
    values += '"' + text_of(field, code) + '"';
  }
  const std::string path = (field.type.list ? "any " : "") + std::string(field.name);
  if (question.codes.size() == 1) return path + " = " + values;
  return path + " in (" + values + ")";
}

std::string range_text(const Question& question) {
  const FieldShape& field = kFields[question.field];
  if (question.days > 0) return fmt::format("{} in last {}d", field.name, question.days);
  const auto shown = [&](std::int64_t key) {
    return to_display(index::value_of_order_key(field.type, key));
  };
  return fmt::format("{} between {} and {}", field.name, shown(question.low), shown(question.high));
}

}  // namespace

int leaves(const Question& question) {
  int total = question.children.empty() ? 1 : 0;
  for (const Question& child : question.children)
    total += leaves(child);
  return total;
}

std::string to_text(const Question& question) {
  switch (question.op) {
    case Op::And:
      return joined(question, " and ");
    case Op::Or:
      return joined(question, " or ");
    case Op::Not:
      return "not " + joined(question, "");
    case Op::In:
      return in_text(question);
    case Op::Range:
      return range_text(question);
    case Op::Events: {
      const std::string_view name = kEvents[question.event].name;
      if (question.least == 1) return fmt::format("did \"{}\" in last {}d", name, question.days);
      return fmt::format("count(\"{}\" in last {}d) >= {}", name, question.days, question.least);
    }
    case Op::Sum:
      return fmt::format("sum(amount of \"{}\" in last {}d) >= {}", kEvents[question.event].name,
                         question.days, to_string(Decimal{question.least, kAmountScale}));
  }
  CHECK(!"every operator is known");
}

}  // namespace muster::bench
