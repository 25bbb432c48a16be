// One pass over the people of a segment, counted by several fields.
#include "query/breakdown.h"

#include <atomic>
#include <numeric>

#include "base/text.h"
#include "index/coded.h"
#include "query/execute/budget.h"
#include "query/execute/evaluate.h"
#include "query/execute/field_counts.h"
#include "query/execute/kept_sets.h"
#include "query/execute/look_ahead.h"
#include "query/execute/ranks.h"
#include "query/execute/spread.h"

namespace muster::query {
namespace {

// A number of no more different values has a row for each, not bands.
constexpr std::size_t kFewValuesMax = 20;
constexpr std::uint64_t kBandsFound = 10;

Error refused(std::string message) {
  return Error{ErrorCode::InvalidArgument, std::move(message)};
}

std::string without_table(const std::string& field) {
  return field.starts_with("profiles.") ? field.substr(9) : field;
}

// The attribute, or null for one that nobody has.
Result<const index::Attribute*> attribute_of(const index::Generation& generation,
                                             const std::string& name, bool allow_unknown) {
  if (const index::Attribute* found = generation.profiles.attribute(name)) return found;
  const bool is_declared = generation.schema->field("profiles." + name) != nullptr;
  if (is_declared || allow_unknown) return nullptr;
  std::vector<std::string> known;
  for (const auto& [field, unused] : generation.profiles.attributes) known.push_back(field);
  Error unknown = refused("profiles have no field " + with_suggestion(name, known) +
                          " to break down by");
  if (auto nearest = nearest_name(name, known)) {
    unknown.details.push_back({.nearest = std::move(*nearest)});
  }
  return unknown;
}

bool has_bands(const index::FieldType& type) {
  return !type.list && !index::is_coded(type.type) && type.type != Type::Bool;
}

// By code: value bitmaps, or a counter for each code.
Result<FieldRows> rows_by_code(FieldRows rows) {
  const index::Attribute& attribute = *rows.attribute;
  if (attribute.type.type == Type::Json) {
    return refused("'" + rows.name + "' holds lists of objects, which have no values to count; "
                   "break down by a field of texts, bools, numbers, dates or times");
  }
  if (!attribute.has_bitmaps && attribute.dictionary.size() > kBreakdownValuesMax) {
    return Error{ErrorCode::LimitExceeded,
                 "'" + rows.name + "' has " + std::to_string(attribute.dictionary.size()) +
                     " values; a breakdown is by at most " + std::to_string(kBreakdownValuesMax)};
  }
  return rows;
}

// By value when they are few, else in bands that are equally full.
Result<FieldRows> rows_found(FieldRows rows, const Budget& budget, Parallel parallel) {
  const index::NumberColumn& column = rows.attribute->single;
  rows.is_by_key = true;
  if (const auto values = few_values(column, kFewValuesMax)) {
    for (const std::int64_t value : *values) rows.keys.push_back({value, value});
    return rows;
  }
  TRY_ASSIGN(const auto keys, quantile_keys(column, kBandsFound, budget, parallel));
  rows.by_bands = true;
  rows.keys = bands_between(keys);
  return rows;
}

Result<FieldRows> rows_of(const index::Generation& generation, const BreakdownRequest& request,
                          const BreakdownField& asked, const Budget& budget, Parallel parallel) {
  FieldRows rows;
  rows.name = without_table(asked.field);
  TRY_ASSIGN(rows.attribute, attribute_of(generation, rows.name, request.allow_unknown));
  if (rows.attribute == nullptr) return rows;
  const index::FieldType& type = rows.attribute->type;
  if (asked.bands.size() > kBandsMax) {
    return Error{ErrorCode::LimitExceeded,
                 "'" + rows.name + "' is to be cut at " + std::to_string(asked.bands.size()) +
                     " places; at most " + std::to_string(kBandsMax) + " are allowed"};
  }
  if (!asked.bands.empty()) {
    if (!has_bands(type)) {
      return refused("bands are for numbers, dates and times, and '" + rows.name + "' is " +
                     to_display(type) + "; leave them out");
    }
    TRY_ASSIGN(const auto keys, band_keys(type, asked, request.zone));
    rows.is_by_key = rows.by_bands = true;
    rows.keys = bands_between(keys);
    return rows;
  }
  const bool is_plain_bool = type.type == Type::Bool && !rows.attribute->has_bitmaps;
  if (has_bands(type) || (is_plain_bool && !type.list)) {
    return rows_found(std::move(rows), budget, parallel);
  }
  return rows_by_code(std::move(rows));
}

using Fields = std::vector<std::unique_ptr<FieldCounts>>;

std::optional<Error> count_blocks(const BoundQuery& query, const Budget& budget, KeptMade* made,
                                  std::span<const std::uint32_t> blocks, const Fields& fields,
                                  std::atomic<std::uint64_t>& people) {
  Evaluator evaluator(query, made);
  evaluator.expect(blocks);
  evaluator.obey(budget);
  const LookAhead ahead(query);
  const auto buffer = std::make_unique<Buffer>();
  const MutableBlock words(buffer->words);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (auto error = exhausted(budget)) return error;
    ahead.ask(blocks, b);
    const Selection found = evaluator.members(blocks[b]);
    if (evaluator.failed()) return failure(budget);
    std::ranges::fill(words, 0);
    or_into(found.set, words);
    for (const auto& field : fields) field->add(blocks[b], found.set, words);
    people.fetch_add(found.set.count, std::memory_order_relaxed);
  }
  return std::nullopt;
}

}  // namespace

Result<Breakdown> break_down(const BoundQuery& query, const BreakdownRequest& request,
                             const Budget& budget, Parallel parallel, KeptMade* made) {
  if (request.fields.empty() || request.fields.size() > kBreakdownFieldsMax) {
    return refused("a breakdown is by 1 to " + std::to_string(kBreakdownFieldsMax) +
                   " fields, and " + std::to_string(request.fields.size()) + " are named");
  }
  const index::Generation& generation = *query.generation;
  Fields fields;
  for (const BreakdownField& asked : request.fields) {
    TRY_ASSIGN(FieldRows rows, rows_of(generation, request, asked, budget, parallel));
    fields.push_back(std::make_unique<FieldCounts>(std::move(rows)));
  }
  TRY(prepare_ranks(query, budget));
  if (made != nullptr) *made = room_for(query);
  std::vector<std::uint32_t> blocks(generation.profiles.blocks());
  std::iota(blocks.begin(), blocks.end(), 0U);
  std::atomic<std::uint64_t> people = 0;
  TRY(spread(blocks, parallel.threads, [&](std::span<const std::uint32_t> mine) {
    return count_blocks(query, budget, made, mine, fields, people);
  }));
  Breakdown answer{people, {}};
  const BreakdownCount all{answer.people, generation.profiles.live.count()};
  for (const auto& field : fields) answer.fields.push_back(field->told(all, request.rows_max));
  return answer;
}

}  // namespace muster::query
