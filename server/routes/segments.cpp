// /v1/segments: saved expressions, their versions, counts and members.
#include "base/time.h"
#include "server/routes/handlers.h"
#include "server/routes/members_reply.h"
#include "server/routes/question.h"

namespace muster::server {

namespace {

// How often a dry run is tried again when data arrived between its two questions.
constexpr int kDryRunTries = 5;

struct Sides {
  engine::MembersAnswer before, after;
};

// Both sets of one moment.
Result<Sides> both_sides(const Call& call, const MembersPass& pass, engine::Question old_one,
                         engine::Question new_one) {
  old_one.as_of = new_one.as_of = call.engine().now();
  for (int i = 0; i < kDryRunTries; ++i) {
    TRY_ASSIGN(engine::MembersAnswer after, call.engine().members(pass, new_one));
    TRY_ASSIGN(engine::MembersAnswer before, call.engine().members(pass, old_one));
    if (before.snapshot == after.snapshot) return Sides{std::move(before), std::move(after)};
  }
  return Error{ErrorCode::Overloaded,
               "data arrives too fast for a dry run of one moment; try again"};
}

// PUT /v1/segments/x?dry_run=1  ->  200 {"before", "after", "entering", "leaving"}
Result<Response> dry_run(const Call& call) {
  TRY_ASSIGN(const MembersPass pass, call.access.require<Permission::Members>());
  const engine::Document proposed{.kind = "segment", .id = call.param(0),
                                  .json = call.request.body};
  TRY_ASSIGN(const engine::Question new_one, question_of(proposed));
  engine::Question old_one;
  old_one.where = "nobody";
  if (const auto saved = call.engine().document("segment", call.param(0))) {
    TRY_ASSIGN(old_one, question_of(*saved));
  }
  TRY_ASSIGN(const Sides sides, both_sides(call, pass, old_one, new_one));
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(sides.after.snapshot);
  json.key("as_of").text(to_rfc3339(sides.after.as_of));
  json.key("before").number(sides.before.members.count());
  json.key("after").number(sides.after.members.count());
  json.key("entering").number(subtract(sides.after.members, sides.before.members).count());
  json.key("leaving").number(subtract(sides.before.members, sides.after.members).count());
  json.end_object();
  return json_reply(json.take());
}

Result<engine::Document> asked_version(const Call& call) {
  TRY_ASSIGN(const std::uint64_t version, query_number(call.request, "version", 0));
  return call.engine().document("segment", call.param(0), version);
}

// The question of a saved segment, at the time of ?as_of=.
Result<engine::Question> saved_question(const Call& call) {
  TRY_ASSIGN(const engine::Document segment, asked_version(call));
  TRY_ASSIGN(engine::Question question, question_of(segment));
  TRY_ASSIGN(question.as_of, parse_as_of(call.request.query_value("as_of").value_or("")));
  return question;
}

std::vector<std::string> comma_separated(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return parts;
}

}  // namespace

// GET /v1/segments?limit=&cursor=  ->  200 {"items": [...], "next_cursor"}
Result<Response> get_segments(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  std::vector<std::string> ids, items;
  for (const engine::Document& segment : call.engine().documents("segment")) {
    if (segment.deleted) continue;
    ids.push_back(segment.id);
    items.push_back(document_json(segment));
  }
  return page_reply(page, ids, items);
}

// GET /v1/segments/buyers?version=2  ->  200 {"id", "version", "changed", "where", ...}
Result<Response> get_segment(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {"version"}));
  TRY_ASSIGN(const engine::Document segment, asked_version(call));
  return json_reply(document_json(segment));
}

// PUT /v1/segments/buyers  {"where": "did 'purchase'"}  ->  201 the first time, then 200
Result<Response> put_segment(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {"dry_run"}));
  TRY_ASSIGN(const JsonObject json, JsonObject::parse(call.request.body));
  TRY(json.only({"where", "name", "tz", "description", "allow_unknown"}));
  TRY_ASSIGN(const bool dry, query_flag(call.request, "dry_run"));
  if (dry) return dry_run(call);
  TRY_ASSIGN(const engine::Document saved,
             call.engine().put_segment(pass, call.param(0), call.request.body));
  Response response = json_reply(document_json(saved));
  response.status = saved.version == 1 ? 201 : 200;
  return response;
}

// DELETE /v1/segments/buyers  ->  204
Result<Response> delete_segment(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.engine().delete_segment(pass, call.param(0)));
  return no_content();
}

// GET /v1/segments/buyers/count?as_of=  ->  200, as POST /v1/count
Result<Response> get_segment_count(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {"as_of", "version"}));
  TRY_ASSIGN(const engine::Question question, saved_question(call));
  TRY_ASSIGN(const engine::CountAnswer answer, call.engine().count(pass, question));
  return json_reply(to_json(answer));
}

// GET /v1/segments/buyers/members?format=csv&fields=country,age  ->  200, as POST /v1/members
Result<Response> get_segment_members(const Call& call, const MembersPass& pass) {
  TRY(only_query(call.request, {"as_of", "version", "format", "fields", "cursor", "limit"}));
  MembersRequest asked;
  TRY_ASSIGN(asked.question, saved_question(call));
  TRY_ASSIGN(asked.format,
             members_format(call.request.query_value("format").value_or("ndjson")));
  asked.fields = comma_separated(call.request.query_value("fields").value_or(""));
  asked.cursor = call.request.query_value("cursor").value_or("");
  TRY_ASSIGN(asked.limit, query_number(call.request, "limit", 0));
  return members_reply(call, pass, asked);
}

// GET /v1/segments/buyers/versions  ->  200 {"items": [...]}, oldest first
Result<Response> get_segment_versions(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {}));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  const auto versions = call.engine().versions("segment", call.param(0));
  if (versions.empty()) TRY(call.engine().document("segment", call.param(0)));
  for (const engine::Document& version : versions) json.raw(document_json(version));
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
