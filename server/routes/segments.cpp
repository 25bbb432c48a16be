// /v1/segments: saved expressions, their versions, counts and members.
#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "server/http/cursor.h"
#include "server/routes/handlers.h"
#include "server/routes/members_reply.h"
#include "server/routes/question.h"

namespace muster::server {

namespace {

// How often a dry run is tried again when data arrived between its two questions.
constexpr int kDryRunTries = 5;
// Where a page begins behind which nobody is.
constexpr index::Ordinal kNobodyLeft = UINT32_MAX;

struct Sides {
  engine::MembersAnswer before, after;
};

// Both sets of one moment.
Result<Sides> both_sides(const Call& call, const MembersPass& pass,
                         const engine::Question& old_one, const engine::Question& new_one) {
  for (int i = 0; i < kDryRunTries; ++i) {
    TRY_ASSIGN(engine::MembersAnswer after, call.engine().members(pass, new_one));
    TRY_ASSIGN(engine::MembersAnswer before, call.engine().members(pass, old_one));
    if (before.snapshot == after.snapshot) return Sides{std::move(before), std::move(after)};
  }
  return Error{ErrorCode::Overloaded,
               "data arrives too fast for a dry run of one moment; try again"};
}

// Where a page of a dry run begins.
struct DryRunPage {
  std::optional<TimeMs> as_of;  // Of the first page.
  index::Ordinal entered = 0, left = 0;
  std::uint64_t limit = kPageDefault;
};

std::string dry_run_cursor(const Call& call, const DryRunPage& page) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(hash64(call.request.body));
  out.i64(page.as_of.value_or(0));
  out.u32(page.entered);
  out.u32(page.left);
  return to_base64url(bytes);
}

Result<DryRunPage> dry_run_page(const Call& call) {
  DryRunPage page;
  TRY_ASSIGN(page.limit, query_number(call.request, "limit", kPageDefault));
  if (page.limit > kPageMax) {
    return Error{ErrorCode::InvalidArgument, "'limit' must be 0 to 1,000"};
  }
  const auto cursor = call.request.query_value("cursor");
  if (!cursor) return page;
  const auto bytes = from_base64url(*cursor);
  ByteReader in(bytes ? *bytes : std::string_view());
  const bool is_own = in.u64() == hash64(call.request.body);
  page.as_of = in.i64();
  page.entered = in.u32();
  page.left = in.u32();
  if (!bytes || !is_own || in.failed() || !in.at_end()) {
    return Error{ErrorCode::InvalidArgument,
                 "this cursor was not made for this definition; begin without one"};
  }
  return page;
}

// The ids of a page, as an array. Returns where the next one begins.
Result<index::Ordinal> write_ids(const Call& call, const MembersPass& pass,
                                 const engine::MembersAnswer& of, const index::Bitmap& people,
                                 index::Ordinal from, std::uint64_t limit, JsonWriter& json) {
  std::vector<index::Ordinal> page = people.slice(from, static_cast<std::size_t>(limit) + 1);
  const bool has_more = page.size() > limit;
  const index::Ordinal next = has_more ? page.back() : kNobodyLeft;
  if (has_more) page.pop_back();
  json.begin_array();
  TRY_ASSIGN(const auto rows, call.engine().rows(pass, of, page, {}));
  for (const engine::ProfileRow& row : rows) json.text(row.profile_id);
  json.end_array();
  return next;
}

// PUT /v1/segments/x?dry_run=1&limit=100
//   ->  200 {"before", "after", "entering", "leaving", "entered": [...], "left": [...]}
Result<Response> dry_run(const Call& call) {
  TRY_ASSIGN(const MembersPass pass, call.access.require<Permission::Members>());
  TRY_ASSIGN(DryRunPage page, dry_run_page(call));
  const engine::Document proposed{.kind = "segment", .id = call.param(0),
                                  .json = call.request.body};
  TRY_ASSIGN(engine::Question new_one, question_of(proposed));
  engine::Question old_one;
  old_one.where = "nobody";
  if (const auto saved = call.engine().document("segment", call.param(0))) {
    TRY_ASSIGN(old_one, question_of(*saved));
  }
  old_one.as_of = new_one.as_of = page.as_of.value_or(call.engine().now());
  TRY_ASSIGN(const Sides sides, both_sides(call, pass, old_one, new_one));
  const index::Bitmap entered = subtract(sides.after.members, sides.before.members);
  const index::Bitmap left = subtract(sides.before.members, sides.after.members);
  page.as_of = sides.after.as_of;
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(sides.after.snapshot);
  json.key("as_of").text(to_rfc3339(sides.after.as_of));
  json.key("before").number(sides.before.members.count());
  json.key("after").number(sides.after.members.count());
  json.key("entering").number(entered.count());
  json.key("leaving").number(left.count());
  json.key("entered");
  TRY_ASSIGN(page.entered, write_ids(call, pass, sides.after, entered, page.entered, page.limit,
                                     json));
  json.key("left");
  TRY_ASSIGN(page.left, write_ids(call, pass, sides.before, left, page.left, page.limit, json));
  const bool has_more = page.entered != kNobodyLeft || page.left != kNobodyLeft;
  if (has_more && page.limit != 0) json.key("next_cursor").text(dry_run_cursor(call, page));
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

// ?at=: what the change stream had then; nothing: that is not asked for.
Result<std::optional<engine::PastMoment>> past_moment(const Call& call) {
  const auto at = call.request.query_value("at");
  if (!at) return std::optional<engine::PastMoment>();
  for (const char* const other : {"as_of", "version"}) {
    if (!call.request.query_value(other)) continue;
    return Error{ErrorCode::InvalidArgument,
                 "'at' is about what was known then, '" + std::string(other) +
                     "' about the data of now: leave one out"};
  }
  TRY(call.engine().document("segment", call.param(0)));
  TRY_ASSIGN(const engine::PastMoment moment, parse_past(*at));
  return std::optional(moment);
}

Result<Response> past_count(const Call& call, const QueryPass& pass,
                            const engine::PastMoment& moment) {
  auto count = call.engine().count_at(pass, call.param(0), moment);
  if (!count) return past_refused(call, std::move(count.error()));
  JsonWriter json;
  json.begin_object().key("count").number(count->count).key("offset").number(count->offset);
  json.key("as_of").text(to_rfc3339(count->as_of)).end_object();
  return json_reply(json.take());
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
  TRY(only_query(call.request, {"dry_run", "limit", "cursor"}));
  TRY_ASSIGN(const JsonObject json, JsonObject::parse(call.request.body));
  TRY(json.only({"where", "name", "tz", "description", "allow_unknown"}));
  TRY_ASSIGN(const bool dry, query_flag(call.request, "dry_run"));
  if (dry) return dry_run(call);
  TRY(only_query(call.request, {"dry_run"}));
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
// GET /v1/segments/buyers/count?at=17  ->  200 {"count", "offset", "as_of"}
Result<Response> get_segment_count(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {"as_of", "version", "at"}));
  TRY_ASSIGN(const auto moment, past_moment(call));
  if (moment) return past_count(call, pass, *moment);
  TRY_ASSIGN(const engine::Question question, saved_question(call));
  TRY_ASSIGN(const engine::CountAnswer answer, call.engine().count(pass, question));
  return json_reply(to_json(answer));
}

// GET /v1/segments/buyers/members?format=csv&fields=country,age  ->  200, as POST /v1/members
Result<Response> get_segment_members(const Call& call, const MembersPass& pass) {
  TRY(only_query(call.request,
                 {"as_of", "version", "at", "format", "fields", "cursor", "limit"}));
  MembersRequest asked;
  TRY_ASSIGN(const auto moment, past_moment(call));
  if (!moment) {
    TRY_ASSIGN(asked.question, saved_question(call));
  }
  TRY_ASSIGN(asked.format,
             members_format(call.request.query_value("format").value_or("ndjson")));
  asked.fields = comma_separated(call.request.query_value("fields").value_or(""));
  asked.cursor = call.request.query_value("cursor").value_or("");
  TRY_ASSIGN(asked.limit, query_number(call.request, "limit", 0));
  if (moment) return past_members_reply(call, pass, {call.param(0), *moment, asked});
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
