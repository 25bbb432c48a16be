// POST /v1/breakdown /v1/overlap: a segment beside everyone, and segments beside each other.
#include "base/time.h"
#include "server/routes/handlers.h"
#include "server/routes/question.h"

namespace muster::server {

namespace {

Error refused(std::string message) {
  return {ErrorCode::InvalidArgument, std::move(message)};
}

// "element 2 of 'by'" in front of what is wrong with it.
Error within(std::string_view key, std::size_t number, Error error) {
  error.message = "element " + std::to_string(number) + " of '" + std::string(key) +
                  "': " + error.message;
  return error;
}

// "country", or {"field": "age", "bands": [18, 25, 35]}.
Result<query::BreakdownField> field_of(const JsonElement& element) {
  query::BreakdownField field;
  if (element.is_text) {
    field.field = element.value;
  } else if (element.value.starts_with('{')) {
    TRY_ASSIGN(const JsonObject json, JsonObject::parse(element.value));
    TRY(json.only({"field", "bands"}));
    TRY_ASSIGN(field.field, json.text("field"));
    TRY_ASSIGN(const auto bands, json.elements("bands"));
    if (json.has("bands") && bands.empty()) {
      return refused("'bands' is empty; name where bands begin, or leave it out");
    }
    for (const JsonElement& band : bands) field.bands.push_back(band.value);
  } else {
    return refused("the name of a field, or an object with field and bands, was expected");
  }
  if (field.field.empty()) return refused("the name of the field is empty");
  return field;
}

// "buyers", or {"name": "French", "where": "country = \"FR\""}.
Result<engine::OverlapLayer> layer_of(const JsonElement& element) {
  engine::OverlapLayer layer;
  if (element.is_text) {
    if (element.value.empty()) return refused("the id of the segment is empty");
    layer.segment = element.value;
    return layer;
  }
  if (!element.value.starts_with('{')) {
    return refused("the id of a segment, or an object with name and where, was expected");
  }
  TRY_ASSIGN(const JsonObject json, JsonObject::parse(element.value));
  TRY(json.only({"name", "where"}));
  TRY_ASSIGN(layer.name, json.text("name"));
  TRY_ASSIGN(layer.where, json.text_or_json("where"));
  if (layer.name.empty()) return refused("the name of the segment is empty");
  return layer;
}

// The elements of a list, each read by `read`.
template <typename Made>
Result<std::vector<Made>> read_each(const JsonObject& json, std::string_view key,
                                    Result<Made> (*read)(const JsonElement&)) {
  if (!json.has(key)) return refused("the key '" + std::string(key) + "' is needed");
  TRY_ASSIGN(const auto elements, json.elements(key));
  std::vector<Made> made;
  for (const JsonElement& element : elements) {
    auto one = read(element);
    if (!one) return within(key, made.size() + 1, std::move(one.error()));
    made.push_back(std::move(*one));
  }
  return made;
}

double share(std::uint64_t part, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(part) / static_cast<double>(of);
}

// Into an object that is begun.
void write_shares(JsonWriter& json, const query::BreakdownCount& count,
                  const engine::CountAnswer& all) {
  const double here = share(count.people, all.count);
  const double everywhere = share(count.everyone, all.universe);
  json.key("count").number(count.people).key("share").number(here);
  json.key("everyone").number(count.everyone).key("everyone_share").number(everywhere);
  json.key("lift");
  if (all.count == 0 || count.everyone == 0) json.null();
  else json.number(here / everywhere);
}

void write_row(JsonWriter& json, const query::BreakdownRow& row, bool is_band,
               const engine::CountAnswer& all) {
  json.begin_object();
  if (!is_band) json.key("value").value(row.value);
  if (!is_missing(row.from)) json.key("from").value(row.from);
  if (!is_missing(row.to)) json.key("to").value(row.to);
  write_shares(json, row.count, all);
  json.end_object();
}

void write_field(JsonWriter& json, const query::FieldBreakdown& field,
                 const engine::CountAnswer& all) {
  json.begin_object();
  json.key("field").text(field.field);
  json.key("rows_are").text(field.by_bands ? "bands" : "values");
  json.key("rows").begin_array();
  for (const query::BreakdownRow& row : field.rows) write_row(json, row, field.by_bands, all);
  json.end_array();
  json.key("other").begin_object();
  json.key("values").number(field.other_values);
  json.key("count").number(field.other.people).key("everyone").number(field.other.everyone);
  json.end_object();
  json.key("missing").begin_object();
  write_shares(json, field.missing, all);
  json.end_object();
  json.end_object();
}

// A cell for each two segments.
template <typename Write>
void write_matrix(JsonWriter& json, std::string_view key, std::size_t size, const Write& write) {
  json.key(key).begin_array();
  for (std::size_t i = 0; i < size; ++i) {
    json.begin_array();
    for (std::size_t j = 0; j < size; ++j) write(i, j);
    json.end_array();
  }
  json.end_array();
}

void write_matrices(JsonWriter& json, const engine::OverlapAnswer& answer) {
  const auto& both = answer.both;
  write_matrix(json, "intersections", both.size(), [&](std::size_t i, std::size_t j) {
    json.number(both[i][j]);
  });
  write_matrix(json, "jaccard", both.size(), [&](std::size_t i, std::size_t j) {
    const std::uint64_t either = both[i][i] + both[j][j] - both[i][j];
    if (either == 0) json.null();
    else json.number(share(both[i][j], either));
  });
}

void write_rows(JsonWriter& json, const engine::OverlapAnswer& answer) {
  json.key("rows").begin_array();
  for (const engine::OverlapRow& row : answer.rows) {
    json.begin_object().key("segments").begin_array();
    for (const std::size_t layer : row.layers) json.text(answer.names[layer]);
    json.end_array().key("count").number(row.people).end_object();
  }
  json.end_array();
  json.key("other").begin_object();
  json.key("rows").number(answer.other_rows).key("count").number(answer.other_people);
  json.end_object();
}

}  // namespace

Result<std::size_t> rows_limit(const JsonObject& json) {
  TRY_ASSIGN(const std::uint64_t limit, json.number_or("limit", kRowsDefault));
  if (limit == 0 || limit > kRowsMax) {
    return refused("the key 'limit' must be 1 to " + std::to_string(kRowsMax) + ", not " +
                   std::to_string(limit));
  }
  return limit;
}

// POST /v1/breakdown  {"where": "...", "by": ["country", {"field": "age", "bands": [18, 35]}]}
// ->  200 {"count", "universe", "by": [{"field", "rows": [{"value", "count", "lift"}], ...}]}
Result<Response> post_breakdown(const Call& call, const QueryPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request,
                       {"where", "as_of", "tz", "allow_unknown", "timeout_ms", "by", "limit"}));
  engine::BreakdownRequest request;
  TRY_ASSIGN(request.question, question_of(asked));
  TRY_ASSIGN(request.fields, read_each(asked, "by", &field_of));
  TRY_ASSIGN(request.rows_max, rows_limit(asked));
  TRY_ASSIGN(const engine::BreakdownAnswer answer, call.engine().break_down(pass, request));
  JsonWriter json;
  json.begin_object();
  write_count(json, answer.count);
  json.key("by").begin_array();
  for (const query::FieldBreakdown& field : answer.fields) write_field(json, field, answer.count);
  json.end_array();
  json.end_object();
  return json_reply(json.take());
}

// POST /v1/overlap  {"segments": ["buyers", {"name": "French", "where": "country = 'FR'"}]}
// ->  200 {"segments": [{"name", "count"}], "intersections", "jaccard", "rows": [...]}
Result<Response> post_overlap(const Call& call, const QueryPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request, {"segments", "as_of", "tz", "allow_unknown", "timeout_ms",
                                      "limit"}));
  engine::OverlapRequest request;
  TRY_ASSIGN(request.question, circumstances_of(asked));
  TRY_ASSIGN(request.layers, read_each(asked, "segments", &layer_of));
  TRY_ASSIGN(request.rows_max, rows_limit(asked));
  TRY_ASSIGN(const engine::OverlapAnswer answer, call.engine().overlap(pass, request));
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(answer.snapshot);
  json.key("as_of").text(to_rfc3339(answer.as_of));
  json.key("took_us").number(answer.took_us);
  json.key("universe").number(answer.universe);
  json.key("in_any").number(answer.in_any);
  json.key("segments").begin_array();
  for (std::size_t i = 0; i < answer.names.size(); ++i) {
    json.begin_object().key("name").text(answer.names[i]);
    json.key("count").number(answer.both[i][i]).end_object();
  }
  json.end_array();
  write_matrices(json, answer);
  write_rows(json, answer);
  json.end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
