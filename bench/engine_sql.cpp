#include <fmt/format.h>

#include <vector>

#include "base/check.h"
#include "bench/engine_duckdb.h"

namespace muster::bench {
namespace {

using Op = Question::Op;

std::string condition(const Question& question);

std::string joined(const Question& question, std::string_view between) {
  std::string out = "(";
  for (const Question& child : question.children) {
    if (out.size() > 1) out += between;
    out += condition(child);
  }
  return out + ")";
}

// Any of the codes in the masks of a list.
std::string mask_condition(const Question& question) {
  const FieldShape& field = kFields[question.field];
  std::vector<std::uint64_t> masks(columns_of(field));
  for (const std::uint32_t code : question.codes) {
    masks[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  std::string out = "(";
  for (std::uint32_t i = 0; i < masks.size(); ++i) {
    if (masks[i] == 0) continue;
    if (out.size() > 1) out += " OR ";
    out += fmt::format("({} & {}::UBIGINT) <> 0", column_name(field, i), masks[i]);
  }
  return out + ")";
}

std::string in_condition(const Question& question) {
  const FieldShape& field = kFields[question.field];
  if (field.type.list) return mask_condition(question);
  if (question.codes.size() == 1) return fmt::format("{} = {}", field.name, question.codes[0]);
  return fmt::format("{} IN ({})", field.name, fmt::join(question.codes, ", "));
}

// The people of a leaf about events.
std::string people_of(const Question& question) {
  const std::string rows =
      fmt::format("SELECT person FROM event_{} WHERE happened BETWEEN {} AND {}",
                  kEvents[question.event].name, question.window_start(), kEngineNow);
  if (question.op == Op::Events && question.least == 1) return rows;
  return fmt::format("{} GROUP BY person HAVING {} >= {}", rows,
                     question.op == Op::Sum ? "sum(amount)" : "count(*)", question.least);
}

std::string condition(const Question& question) {
  switch (question.op) {
    case Op::And:
      return joined(question, " AND ");
    case Op::Or:
      return joined(question, " OR ");
    case Op::Not:
      return "(" + condition(question.children[0]) + " IS NOT TRUE)";
    case Op::In:
      return in_condition(question);
    case Op::Range:
      return fmt::format("{} BETWEEN {} AND {}", kFields[question.field].name, question.low,
                         question.high);
    case Op::Events:
    case Op::Sum:
      return "ordinal IN (" + people_of(question) + ")";
  }
  CHECK(!"every operator is known");
}

}  // namespace

std::string column_name(const FieldShape& field, std::uint32_t column) {
  return columns_of(field) == 1 ? std::string(field.name)
                                : fmt::format("{}_{}", field.name, column);
}

std::string to_sql(const Question& question) {
  // A window alone needs no look at the people.
  if (question.op == Op::Events && question.least == 1) {
    return "SELECT count(DISTINCT person) FROM (" + people_of(question) + ")";
  }
  if (question.op == Op::Events) return "SELECT count(*) FROM (" + people_of(question) + ")";
  return "SELECT count(*) FROM people WHERE " + condition(question);
}

}  // namespace muster::bench
