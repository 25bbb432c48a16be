#include "loader/segment_spec.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/time.h"
#include "index/batch.h"
#include "loader/formats.h"
#include "loader/json_members.h"
#include "loader/json_text.h"
#include "loader/spec_call.h"

namespace muster::loader {
namespace {

using engine::IngestRequest;
using storage::TableKind;

// What of a context is worth a column: the texts that people are segmented by.
struct ContextPart {
  const char* name;
  std::array<const char*, 5> texts;  // "": the part is a text itself.
};
constexpr ContextPart kContext[] = {
    {"campaign", {"name", "source", "medium", "term", "content"}},
    {"page", {"path", "referrer", "search", "title", "url"}},
    {"app", {"name", "version"}},
    {"device", {"type", "manufacturer", "model"}},
    {"os", {"name", "version"}},
    {"locale", {""}},
};

// NDJSON in which the line of a row is the place of its call.
class Lines {
 public:
  void put(std::uint64_t line, std::string row) {
    // Line breaks stand between values only: in texts they are escaped.
    std::replace_if(row.begin(), row.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    bytes_.append(line - line_, '\n').append(row);
    line_ = line;
  }
  bool empty() const { return bytes_.empty(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  std::uint64_t line_ = 1;
};

// Fields as they came, but for those whose name is a column of ours: they stand under `other`.
void write_fields(JsonWriter& row, const JsonMembers& fields,
                  const std::vector<std::string_view>& columns, const char* other) {
  const auto is_column = [&](const JsonMember& field) {
    return std::find(columns.begin(), columns.end(), field.name) != columns.end();
  };
  for (const JsonMember& field : fields) {
    if (!is_column(field)) row.key(field.name).raw(field.value);
  }
  if (std::none_of(fields.begin(), fields.end(), is_column)) return;
  row.key(other).begin_object();
  for (const JsonMember& field : fields) {
    if (is_column(field)) row.key(field.name).raw(field.value);
  }
  row.end_object();
}

bool is_text(std::string_view json) { return json.size() > 2 && json.front() == '"'; }

void write_context(JsonWriter& row, const JsonMembers& context) {
  JsonWriter kept;
  bool any = false;
  kept.begin_object();
  for (const ContextPart& part : kContext) {
    const std::string_view json = value_of(context, part.name);
    if (part.texts.front() == std::string_view()) {
      if (is_text(json)) kept.key(part.name).raw(json);
      any |= is_text(json);
      continue;
    }
    const auto members = members_of(json);
    JsonWriter texts;
    bool has_texts = false;
    texts.begin_object();
    for (const char* name : part.texts) {
      const std::string_view text =
          name == nullptr || !members ? std::string_view() : value_of(*members, name);
      if (!is_text(text)) continue;
      texts.key(name).raw(text);
      has_texts = true;
    }
    texts.end_object();
    if (has_texts) kept.key(part.name).raw(texts.str());
    any |= has_texts;
  }
  kept.end_object();
  if (any) row.key("context").raw(kept.str());
}

// Calls become rows. Who is who comes before what they are, and that before what they did: this
// makes of the calls what their order would, in few parts.
class RowWriter {
 public:
  explicit RowWriter(const SpecRequest& request) : names_(request.names), new_id_(request.new_id) {}

  void refuse(std::uint64_t line, std::string reason) {
    refused_.push_back({line, std::move(reason)});
  }

  void take(std::uint64_t line, ReadCall call) {
    if (names_.event_identifier != "profile_id" && !call.event.empty()) {
      refuse(line, "is about an event, and the declaration's events are by '" +
                       names_.event_identifier + "', not by profile id");
      return;
    }
    if (call.message_id.empty()) call.message_id = new_id_();
    switch (call.call) {
      case SpecCall::Identify:
      case SpecCall::Alias: put_identity(line, call); break;
      case SpecCall::Group: put_group(line, call); break;
      case SpecCall::Track:
      case SpecCall::Page:
      case SpecCall::Screen: put_event(line, call, {}); break;
      case SpecCall::Batch: break;
    }
  }

  SpecRows finish(std::uint64_t calls) {
    SpecRows rows{.calls = calls, .refused = refused_.size()};
    for (Stage& stage : stages_) {
      add(rows, TableKind::Identities, stage.identities);
      add(rows, TableKind::Profiles, stage.profiles);
    }
    add(rows, TableKind::Entities, accounts_);
    if (!rows.parts.empty() && rows.parts.back().table == TableKind::Entities) {
      rows.parts.back().name = "account";
    }
    if (!events_.empty() || !refused_.empty()) {
      rows.parts.push_back({.table = TableKind::Events, .bytes = events_.take()});
      rows.parts.back().refused = std::move(refused_);
    }
    for (IngestRequest& part : rows.parts) part.event_id_is_enough = true;
    return rows;
  }

 private:
  // Joins come before rows in it, so one of somebody who has a row in it begins the next.
  struct Stage {
    Lines identities, profiles;
    std::set<std::string> people;
  };

  static void add(SpecRows& rows, TableKind table, Lines& lines) {
    if (lines.empty()) return;
    rows.parts.push_back({.table = table, .bytes = lines.take()});
  }

  Stage& stage_for(const ReadCall& call) {
    const bool is_new = stages_.empty() || stages_.back().people.contains(call.previous) ||
                        stages_.back().people.contains(call.anonymous);
    return is_new ? stages_.emplace_back() : stages_.back();
  }

  // Who it is; and of an identify, what they are like.
  void put_identity(std::uint64_t line, const ReadCall& call) {
    Stage& stage = stage_for(call);
    put_person(stage, line, call);
    if (call.call == SpecCall::Alias) return;
    JsonWriter row;
    row.begin_object().key(names_.profile_id).text(call.profile);
    write_fields(row, call.fields, {names_.profile_id}, "traits");
    row.end_object();
    put_profile(stage, line, call, row.take());
  }

  static void put_person(Stage& stage, std::uint64_t line, const ReadCall& call) {
    JsonWriter row;
    row.begin_object().key("call").text(call.message_id).key("profile").text(call.profile);
    if (!call.previous.empty()) row.key("previous").text(call.previous);
    if (!call.anonymous.empty()) row.key("anonymous").text(call.anonymous);
    row.end_object();
    stage.identities.put(line, row.take());
  }

  static void put_profile(Stage& stage, std::uint64_t line, const ReadCall& call,
                          std::string row) {
    stage.profiles.put(line, std::move(row));
    stage.people.insert(call.profile);
  }

  void put_group(std::uint64_t line, ReadCall& call) {
    Stage& stage = stage_for(call);
    put_person(stage, line, call);
    JsonWriter row;
    row.begin_object().key(names_.profile_id).text(call.profile);
    row.key("account_id").text(call.group).end_object();
    put_profile(stage, line, call, row.take());
    if (!names_.account_id.empty()) {
      JsonWriter account;
      account.begin_object().key(names_.account_id).text(call.group);
      write_fields(account, call.fields, {names_.account_id}, "traits");
      account.end_object();
      accounts_.put(line, account.take());
    } else if (names_.event_identifier == "profile_id") {
      call.event = "Group Joined";
      call.message_id += "/group";  // The id itself is that of the call that says who it is.
      put_event(line, call, call.group);
    }
  }

  void put_event(std::uint64_t line, const ReadCall& call, std::string_view account) {
    JsonWriter row;
    row.begin_object().key(names_.event_profile).text(call.profile);
    row.key(names_.event_name).text(call.event);
    row.key(names_.event_time).text(to_rfc3339(call.time));
    row.key(names_.event_id).text(call.message_id);
    std::vector<std::string_view> columns{names_.event_profile, names_.event_name,
                                          names_.event_time, names_.event_id, "context"};
    const auto put = [&](const char* name, std::string_view json) {
      if (json.empty()) return;
      row.key(name).raw(json);
      columns.emplace_back(name);
    };
    put("name", call.name);
    put("category", call.category);
    if (!account.empty()) {
      row.key("account_id").text(account);
      columns.emplace_back("account_id");
    }
    JsonMembers fields = call.fields;
    std::erase_if(fields, [&](const JsonMember& field) {
      const bool is_same = field.name == "name" ? field.value == call.name
                                                : field.value == call.category;
      return is_same && (field.name == "name" || field.name == "category");
    });
    write_fields(row, fields, columns, "properties");
    write_context(row, call.context);
    row.end_object();
    events_.put(line, row.take());
  }

  const engine::RowNames& names_;
  const std::function<std::string()>& new_id_;
  std::deque<Stage> stages_;
  Lines accounts_, events_;
  std::vector<storage::RejectedRow> refused_;
};

Error no_json() { return {ErrorCode::InvalidArgument, "the body is not valid JSON"}; }

std::optional<SpecCall> call_named(const std::string& name) {
  constexpr std::pair<std::string_view, SpecCall> kCalls[] = {
      {"identify", SpecCall::Identify}, {"track", SpecCall::Track}, {"page", SpecCall::Page},
      {"screen", SpecCall::Screen},     {"group", SpecCall::Group}, {"alias", SpecCall::Alias}};
  for (const auto& [known, call] : kCalls) {
    if (known == name) return call;
  }
  return std::nullopt;
}

// Takes one call; an error is one of the whole body: it is no JSON.
Status take_call(std::optional<SpecCall> kind, std::string_view json, std::uint64_t line,
                 const SpecBatch& batch, const SpecRequest& request, RowWriter& rows) {
  if (!is_utf8(json)) {
    rows.refuse(line, "is not valid UTF-8");
    return Ok{};
  }
  const std::string_view problem = json_problem(json, 0);
  if (problem == kNoJson) return no_json();
  if (!problem.empty()) {
    rows.refuse(line, std::string(problem));
    return Ok{};
  }
  if (json.size() > kSpecCallBytesMax) {
    rows.refuse(line, "is longer than 32768 bytes");
    return Ok{};
  }
  if (!kind) {
    const auto members = members_of(json);
    if (members) kind = call_named(text_in(value_of(*members, "type")).value_or(""));
    if (!kind) {
      rows.refuse(line, members ? "has a 'type' that is none of identify, track, page, screen, "
                                  "group and alias"
                                : "is no JSON object");
      return Ok{};
    }
  }
  auto call = read_call(*kind, json, batch, request.received);
  if (call) rows.take(line, std::move(*call));
  else rows.refuse(line, std::move(call.error().message));
  return Ok{};
}

std::string_view plain(std::string_view body) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  return trimmed(body);
}

Result<SpecRows> rows_of_batch(const SpecRequest& request, std::string_view body) {
  RowWriter rows(request);
  const auto members = members_of(body);
  if (!members && !json_problem(body, 0).empty()) return no_json();
  const auto calls = members ? elements_of(value_of(*members, "batch")) : std::nullopt;
  if (!calls) {
    if (!json_problem(body, 0).empty()) return no_json();
    rows.refuse(1, "has no list of calls in 'batch'");
    return rows.finish(1);
  }
  if (calls->size() > kSpecCallsMax) {
    return Error{ErrorCode::TooLarge, "a batch has at most 2,500 calls; this one has " +
                                          std::to_string(calls->size())};
  }
  SpecBatch batch;
  for (const JsonMember& member : *members) {
    if (member.name == "batch") continue;
    if (!is_utf8(member.value) || !json_problem(member.value, 0).empty()) return no_json();
  }
  batch.context = members_of(value_of(*members, "context")).value_or(JsonMembers{});
  batch.sent_at = value_of(*members, "sentAt");
  std::uint64_t line = 0;
  for (const std::string_view call : *calls) {
    TRY(take_call(std::nullopt, call, ++line, batch, request, rows));
  }
  return rows.finish(calls->size());
}

}  // namespace

Result<SpecRows> spec_rows(const SpecRequest& request) {
  const std::string_view body = plain(request.body);
  if (body.empty()) return no_json();
  if (request.call == SpecCall::Batch) return rows_of_batch(request, body);
  RowWriter rows(request);
  TRY(take_call(request.call, body, 1, {}, request, rows));
  return rows.finish(1);
}

std::string spec_write_key(std::string_view body) {
  const auto members = members_of(plain(body));
  return members ? text_in(value_of(*members, "writeKey")).value_or("") : "";
}

}  // namespace muster::loader
