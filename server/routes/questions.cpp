// POST /v1/check /v1/count /v1/explain /v1/plan: questions about an expression.
#include "base/time.h"
#include "server/audit_log.h"
#include "server/routes/handlers.h"
#include "server/routes/question.h"

namespace muster::server {

namespace {

// Longest that one question may occupy a worker, and how long it may unless it says otherwise.
constexpr std::uint64_t kTimeoutMsMax = 30'000;
constexpr std::chrono::milliseconds kQuestionDeadline{kTimeoutMsMax};

void write_error(JsonWriter& json, const Error& error) {
  json.begin_object();
  json.key("message").text(error.message);
  if (!error.details.empty()) {
    const Detail& detail = error.details.front();
    if (detail.line != 0) json.key("line").number(detail.line);
    if (detail.column != 0) json.key("column").number(detail.column);
    if (!detail.expected.empty()) json.key("expected").text(detail.expected);
    if (!detail.nearest.empty()) json.key("nearest").text(detail.nearest);
  }
  json.end_object();
}

// The depth is that of the expression, which has a limit: kNestingMax.
void write_node(JsonWriter& json, const engine::ExplainNode& node) {
  json.begin_object();
  json.key("text").text(node.text);
  json.key("holds").boolean(node.holds);
  if (!node.value.empty()) json.key("value").text(node.value);
  if (!node.events.empty()) {
    json.key("events").begin_array();
    for (const std::string& event : node.events) json.raw(event);
    json.end_array();
  }
  if (!node.children.empty()) {
    json.key("children").begin_array();
    for (const engine::ExplainNode& child : node.children) write_node(json, child);
    json.end_array();
  }
  json.end_object();
}

void write_node(JsonWriter& json, const engine::ClauseNode& node) {
  json.begin_object();
  json.key("text").text(node.text);
  json.key("count").number(node.people).key("without").number(node.without);
  if (!node.children.empty()) {
    json.key("children").begin_array();
    for (const engine::ClauseNode& child : node.children) write_node(json, child);
    json.end_array();
  }
  json.end_object();
}

void write_node(JsonWriter& json, const engine::PlanNode& node) {
  json.begin_object();
  json.key("text").text(node.text);
  json.key("method").text(node.method);
  json.key("estimated").number(node.estimated);
  if (node.blocks > 0) {
    json.key("people").number(node.people).key("blocks").number(node.blocks);
    json.key("bytes").number(node.bytes);
    json.key("took_us").number(static_cast<double>(node.nanoseconds) / 1'000);
  }
  if (!node.children.empty()) {
    json.key("children").begin_array();
    for (const engine::PlanNode& child : node.children) write_node(json, child);
    json.end_array();
  }
  json.end_object();
}

}  // namespace

Result<engine::Question> circumstances_of(const JsonObject& json) {
  engine::Question question;
  TRY_ASSIGN(const std::string as_of, json.text_or("as_of", ""));
  TRY_ASSIGN(question.as_of, parse_as_of(as_of));
  TRY_ASSIGN(question.timezone, json.text_or("tz", ""));
  TRY_ASSIGN(question.allow_unknown, json.flag_or("allow_unknown", false));
  TRY_ASSIGN(const std::uint64_t timeout, json.number_or("timeout_ms", kTimeoutMsMax));
  if (timeout == 0 || timeout > kTimeoutMsMax) {
    return Error{ErrorCode::InvalidArgument,
                 "timeout_ms is how long the question may take: 1 to 30000"};
  }
  question.deadline = std::chrono::milliseconds(timeout);
  return question;
}

Result<engine::Question> question_of(const JsonObject& json) {
  TRY_ASSIGN(const std::string where, json.text_or_json("where"));
  TRY_ASSIGN(engine::Question question, circumstances_of(json));
  question.where = where;
  return question;
}

Result<engine::Question> question_of(const engine::Document& segment) {
  TRY_ASSIGN(const JsonObject json, JsonObject::parse(segment.json));
  engine::Question question;
  TRY_ASSIGN(question.where, json.text_or_json("where"));
  TRY_ASSIGN(question.timezone, json.text_or("tz", ""));
  TRY_ASSIGN(question.allow_unknown, json.flag_or("allow_unknown", false));
  question.deadline = kQuestionDeadline;
  return question;
}

void write_count(JsonWriter& json, const engine::CountAnswer& answer) {
  json.key("count").number(answer.count);
  json.key("snapshot").number(answer.snapshot);
  json.key("as_of").text(to_rfc3339(answer.as_of));
  json.key("took_us").number(answer.took_us);
  json.key("universe").number(answer.universe);
  if (answer.cut_in_tie) json.key("cut_in_tie").boolean(*answer.cut_in_tie);
}

std::string to_json(const engine::CountAnswer& answer) {
  JsonWriter json;
  json.begin_object();
  write_count(json, answer);
  json.end_object();
  return json.take();
}

// POST /v1/check  {"where": "contry = 'FR'"}  ->  200 {"valid": false, "errors": [...]}
Result<Response> post_check(const Call& call, const QueryPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request, {"where", "as_of", "tz", "allow_unknown", "timeout_ms"}));
  TRY_ASSIGN(const engine::Question question, question_of(asked));
  const engine::CheckAnswer answer = call.engine().check(pass, question);
  JsonWriter json;
  json.begin_object();
  json.key("valid").boolean(answer.valid);
  json.key("errors").begin_array();
  for (const Error& error : answer.errors) write_error(json, error);
  json.end_array();
  json.key("warnings").begin_array();
  for (const std::string& warning : answer.warnings) json.text(warning);
  json.end_array();
  if (!answer.canonical.empty()) json.key("canonical").text(answer.canonical);
  if (!answer.json.empty()) json.key("json").raw(answer.json);
  if (!answer.hash.empty()) json.key("hash").text(answer.hash);
  if (answer.valid) json.key("expected_us").number(answer.expected_us);
  json.end_object();
  return json_reply(json.take());
}

// POST /v1/count  {"where": "country = 'FR'"}  ->  200 {"count": 1204, "snapshot": 17, ...}
// With "nodes": true also the tree, with the count at every clause and without it.
Result<Response> post_count(const Call& call, const QueryPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request,
                       {"where", "as_of", "tz", "allow_unknown", "timeout_ms", "nodes"}));
  TRY_ASSIGN(const engine::Question question, question_of(asked));
  TRY_ASSIGN(const bool nodes, asked.flag_or("nodes", false));
  if (nodes) {
    TRY_ASSIGN(const engine::ClausesAnswer answer, call.engine().count_clauses(pass, question));
    JsonWriter json;
    json.begin_object();
    write_count(json, answer.count);
    json.key("nodes");
    write_node(json, answer.root);
    json.end_object();
    return json_reply(json.take());
  }
  TRY_ASSIGN(const engine::CountAnswer answer, call.engine().count(pass, question));
  return json_reply(to_json(answer));
}

// {"changes": [{"change": "set", "field": "country", "value": "US", "text"}], "minimal": true}
void write_flip(JsonWriter& json, const engine::FlipAnswer& flip) {
  json.key("flip");
  if (flip.changes.empty()) {
    json.null();
    json.key("flip_unknown").text(flip.unknown);
    return;
  }
  json.begin_object().key("changes").begin_array();
  for (const engine::FlipChange& change : flip.changes) {
    json.begin_object().key("change").text(change.change);
    const bool is_list = change.change.ends_with("_list");
    if (!change.name.empty()) json.key(is_list ? "list" : "field").text(change.name);
    if (!change.json.empty()) json.key(change.name.empty() ? "event" : "value").raw(change.json);
    json.key("text").text(change.text).end_object();
  }
  json.end_array().key("minimal").boolean(flip.is_minimal).end_object();
}

// POST /v1/explain  {"where": "...", "profile": "p1"}
// ->  200 {"member": true, "until": ..., "flip": {...}, "tree": {...}}
Result<Response> post_explain(const Call& call, const MembersPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request, {"where", "as_of", "tz", "allow_unknown", "timeout_ms",
                                      "profile", "flip"}));
  TRY_ASSIGN(const engine::Question question, question_of(asked));
  TRY_ASSIGN(const std::string profile, asked.text("profile"));
  TRY_ASSIGN(const bool with_flip, asked.flag_or("flip", true));
  const auto look = with_flip ? engine::LookForFlip::Yes : engine::LookForFlip::No;
  TRY_ASSIGN(const engine::Explanation answer,
             call.engine().explain(pass, question, profile, look));
  JsonWriter json;
  json.begin_object();
  json.key("profile_id").text(answer.profile_id);
  json.key("member").boolean(answer.member);
  json.key("snapshot").number(answer.snapshot);
  json.key("as_of").text(to_rfc3339(answer.as_of));
  json.key("until");
  if (answer.until) {
    json.text(to_rfc3339(*answer.until));
  } else {
    json.null();
    if (!answer.until_unknown.empty()) json.key("until_unknown").text(answer.until_unknown);
  }
  if (with_flip) write_flip(json, answer.flip);
  json.key("tree");
  write_node(json, answer.root);
  json.end_object();
  Response response = json_reply(json.take());
  response.subject = call.services.audit->masked(profile);
  return response;
}

// POST /v1/plan  {"where": "..."}  ->  200 {"snapshot", "tree": {"text", "method", "people", ...}}
Result<Response> post_plan(const Call& call, const QueryPass& pass) {
  TRY_ASSIGN(const JsonObject asked,
             json_body(call.request, {"where", "as_of", "tz", "allow_unknown", "timeout_ms"}));
  TRY_ASSIGN(const engine::Question question, question_of(asked));
  TRY_ASSIGN(const engine::PlanAnswer answer, call.engine().plan(pass, question));
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(answer.snapshot);
  json.key("expected_us").number(answer.expected_us);
  json.key("tree");
  write_node(json, answer.root);
  json.end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
