#include "loader/spec_call.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "base/time.h"
#include "loader/json_text.h"

namespace muster::loader {
namespace {

// Numbers below are seconds, others milliseconds: seconds reach it in the year 5138, and
// milliseconds did in 1973.
constexpr std::int64_t kMillisecondsMin = 100'000'000'000;

Error refused(std::string reason) { return {ErrorCode::InvalidArgument, std::move(reason)}; }

bool is_absent(std::string_view json) {
  return json.empty() || json == "null" || json == "\"\"";
}

std::optional<std::int64_t> whole_number(std::string_view json) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), number);
  const bool is_whole = error == std::errc{} && end == json.data() + json.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

// An id as a text, or as a whole number; "" for anything else, and for white space alone.
std::string id_in(std::string_view json) {
  if (const auto number = whole_number(json)) return std::to_string(*number);
  std::string text = text_in(json).value_or("");
  return text.find_first_not_of(" \t\r\n") == std::string::npos ? "" : text;
}

std::optional<TimeMs> time_in(std::string_view json) {
  if (const auto number = whole_number(json)) {
    const bool is_ms = *number >= kMillisecondsMin || *number <= -kMillisecondsMin;
    return is_ms ? *number : *number * 1'000;
  }
  const auto text = text_in(json);
  return text ? parse_time(*text, Zone()) : std::nullopt;
}

// When it happened, by our clock: the sender's may be wrong, but not between two looks at it.
Result<TimeMs> time_of(const JsonMembers& call, const SpecBatch& batch, TimeMs received) {
  const char* name = "originalTimestamp";
  std::string_view original = value_of(call, name);
  if (is_absent(original)) original = value_of(call, name = "timestamp");
  if (is_absent(original)) return received;
  const auto said = time_in(original);
  if (!said || *said < kTimeMin || *said > kTimeMax) {
    return refused("has a '" + std::string(name) +
                   "' that is no time; one looks like 2024-03-01T10:00:00.000Z");
  }
  const std::string_view own = value_of(call, "sentAt");
  const auto sent = time_in(is_absent(own) ? batch.sent_at : own);
  if (!sent || *sent < kTimeMin || *sent > kTimeMax) return *said;
  return received - (*sent - *said);
}

// The members of an object that may be missing.
Result<JsonMembers> object_in(const JsonMembers& call, const char* name) {
  const std::string_view json = value_of(call, name);
  if (is_absent(json)) return JsonMembers{};
  auto members = members_of(json);
  if (!members) return refused("has '" + std::string(name) + "' that are no object");
  return std::move(*members);
}

void add_missing(const JsonMembers& more, JsonMembers& members) {
  for (const JsonMember& member : more) {
    if (value_of(members, member.name).empty()) members.push_back(member);
  }
}

// Who it is about, and whom it joins.
Status read_people(const JsonMembers& call, ReadCall& read) {
  const std::string user = id_in(value_of(call, "userId"));
  const std::string anonymous = id_in(value_of(call, "anonymousId"));
  if (read.call == SpecCall::Alias) {
    const std::string previous = id_in(value_of(call, "previousId"));
    if (user.empty() || previous.empty()) {
      return refused("has no '" + std::string(user.empty() ? "userId" : "previousId") +
                     "'; an alias says both");
    }
    // The previous id may be one of either kind.
    read.previous = previous;
    read.anonymous = engine::anonymous_profile(previous);
  } else if (user.empty() && anonymous.empty()) {
    return refused("has neither a 'userId' nor an 'anonymousId'; one of them has to say who it is "
                   "about");
  } else if (read.call == SpecCall::Identify && !user.empty() && !anonymous.empty()) {
    read.anonymous = engine::anonymous_profile(anonymous);
  }
  read.profile = user.empty() ? engine::anonymous_profile(anonymous) : user;
  return Ok{};
}

Status read_event(const JsonMembers& call, ReadCall& read) {
  if (read.call == SpecCall::Track) {
    read.event = id_in(value_of(call, "event"));
    if (read.event.empty()) return refused("has no 'event', the name of what was done");
    return Ok{};
  }
  read.event = read.call == SpecCall::Page ? "Page Viewed" : "Screen Viewed";
  for (const char* key : {"name", "category"}) {
    const std::string_view json = value_of(call, key);
    if (is_absent(json)) continue;
    (std::string_view(key) == "name" ? read.name : read.category) = json;
  }
  return Ok{};
}

}  // namespace

Result<ReadCall> read_call(SpecCall call, std::string_view json, const SpecBatch& batch,
                           TimeMs received) {
  const auto members = members_of(json);
  if (!members) return refused("is no JSON object");
  ReadCall read{.call = call};
  TRY(read_people(*members, read));
  read.message_id = id_in(value_of(*members, "messageId"));
  TRY_ASSIGN(read.time, time_of(*members, batch, received));
  TRY_ASSIGN(read.context, object_in(*members, "context"));
  if (call == SpecCall::Identify || call == SpecCall::Group) {
    TRY_ASSIGN(read.fields, object_in(*members, "traits"));
  }
  if (call == SpecCall::Identify) {
    TRY_ASSIGN(const JsonMembers more, object_in(read.context, "traits"));
    add_missing(more, read.fields);
  }
  add_missing(batch.context, read.context);
  if (call == SpecCall::Group) {
    read.group = id_in(value_of(*members, "groupId"));
    if (read.group.empty()) return refused("has no 'groupId'");
  }
  if (call == SpecCall::Track || call == SpecCall::Page || call == SpecCall::Screen) {
    TRY(read_event(*members, read));
    TRY_ASSIGN(read.fields, object_in(*members, "properties"));
  }
  return read;
}

}  // namespace muster::loader
