// POST /v1/members: the people of a segment, streamed.
#include <charconv>
#include <span>

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

constexpr std::uint8_t kCursorFormat = 1;

struct Place {
  TimeMs as_of = 0;  // Of a past moment, the offset.
  index::Ordinal from = 0;
};

std::uint64_t hash_of(const engine::Question& question) {
  return hash64(question.where, hash64(question.timezone));
}

std::string cursor_of(std::uint64_t question, const Place& place) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(kCursorFormat);
  out.u64(question);
  out.i64(place.as_of);
  out.u32(place.from);
  return to_base64url(bytes);
}

Result<Place> place_of(std::uint64_t question, std::string_view cursor) {
  const Error foreign{ErrorCode::InvalidArgument,
                      "this cursor was not made for this question; begin without one"};
  const auto bytes = from_base64url(cursor);
  if (!bytes) return foreign;
  ByteReader in(*bytes);
  const bool known = in.u8() == kCursorFormat && in.u64() == question;
  const Place place{in.i64(), in.u32()};
  if (!known || in.failed() || !in.at_end()) return foreign;
  return place;
}

void write_values(JsonWriter& json, const std::vector<Value>& values, bool is_list) {
  if (!is_list) {
    json.value(values.empty() ? Value(Missing()) : values.front());
    return;
  }
  json.begin_array();
  for (const Value& value : values) json.value(value);
  json.end_array();
}

// RFC 4180: quotes where they are needed, doubled inside.
void append_cell(std::string& out, std::string_view text) {
  if (text.find_first_of("\",\r\n") == text.npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string cell_of(const std::vector<Value>& values, bool is_list) {
  if (!is_list) {
    if (values.empty()) return "";
    if (const auto* text = std::get_if<std::string>(&values.front())) return *text;
  }
  JsonWriter json;
  write_values(json, values, is_list);
  std::string text = json.take();
  // Times and dates are texts in JSON; a cell needs no quotes of its own.
  const bool in_quotes = !is_list && text.size() >= 2 && text.front() == '"';
  return in_quotes ? text.substr(1, text.size() - 2) : text;
}

// What a stream keeps between two pieces: the answer holds its Generation, so every piece is of
// one moment.
class MembersStream {
 public:
  MembersStream(const Call& call, const MembersPass& pass, const MembersRequest& asked,
                engine::MembersAnswer answer)
      : engine_(call.engine()),
        pass_(pass),
        format_(asked.format),
        fields_(asked.fields),
        answer_(std::move(answer)) {}

  // Which part is sent: `limit` people from the ordinal on.
  void limit_to(index::Ordinal from, std::uint64_t limit) {
    from_ = from;
    left_ = limit;
  }

  Result<std::string> next() {
    std::string piece;
    if (!header_sent_ && format_ == MembersFormat::Csv) piece = header();
    header_sent_ = true;
    const std::size_t size = std::min<std::uint64_t>(left_, kMembersPiece);
    const std::vector<index::Ordinal> ordinals =
        done_ || size == 0 ? std::vector<index::Ordinal>() : answer_.members.slice(from_, size);
    if (ordinals.empty()) return piece;
    left_ -= ordinals.size();
    done_ = ordinals.size() < size || ordinals.back() == UINT32_MAX;
    if (!done_) from_ = ordinals.back() + 1;
    TRY_ASSIGN(const auto rows, engine_.rows(pass_, answer_, ordinals, fields_));
    for (const engine::ProfileRow& row : rows) append(piece, row);
    return piece;
  }

 private:
  std::string header() const {
    std::string line = "profile_id";
    for (const std::string& field : fields_) {
      line += ',';
      append_cell(line, field);
    }
    return line + "\r\n";
  }

  void append(std::string& piece, const engine::ProfileRow& row) {
    if (format_ == MembersFormat::Csv) {
      append_cell(piece, row.profile_id);
      for (std::size_t i = 0; i < fields_.size(); ++i) {
        piece += ',';
        append_cell(piece, cell_of(row.values[i], row.is_list[i]));
      }
      piece += "\r\n";
      return;
    }
    json_.clear();
    json_.begin_object();
    json_.key("profile_id").text(row.profile_id);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      json_.key(fields_[i]);
      write_values(json_, row.values[i], row.is_list[i]);
    }
    json_.end_object();
    piece += json_.take();
    piece += '\n';
  }

  engine::Engine& engine_;
  const MembersPass pass_;
  const MembersFormat format_;
  const std::vector<std::string> fields_;
  const engine::MembersAnswer answer_;
  JsonWriter json_;
  index::Ordinal from_ = 0;
  std::uint64_t left_ = UINT64_MAX;
  bool header_sent_ = false;
  bool done_ = false;
};

std::string_view type_of(MembersFormat format) {
  switch (format) {
    case MembersFormat::Ndjson: return "application/x-ndjson";
    case MembersFormat::Csv: return "text/csv; charset=utf-8";
    case MembersFormat::Roaring: return "application/octet-stream";
  }
  CHECK(!"every format has a type");
}

// Where the page behind this one begins, if anybody is left.
std::optional<index::Ordinal> next_page(const index::Bitmap& members, index::Ordinal from,
                                        std::uint64_t limit) {
  if (limit == 0) return std::nullopt;
  // Walks the page in pieces, so that memory stays that of one piece.
  while (true) {
    const std::size_t size = std::min<std::uint64_t>(limit, 65'536) + 1;
    const std::vector<index::Ordinal> seen = members.slice(from, size);
    if (seen.size() < size) return std::nullopt;
    limit -= size - 1;
    if (limit == 0) return seen.back();
    from = seen.back();
  }
}

Status check_members(const MembersRequest& asked) {
  const bool whole_only = asked.format == MembersFormat::Roaring;
  const bool parted = !asked.cursor.empty() || asked.limit != 0 || !asked.fields.empty();
  if (whole_only && parted) {
    return Error{ErrorCode::InvalidArgument,
                 "the roaring format is the whole set: leave fields, cursor and limit out"};
  }
  for (const std::string& field : asked.fields) {
    if (field != "profile_id") continue;
    return Error{ErrorCode::InvalidArgument, "'profile_id' is always sent; leave it out of fields"};
  }
  return Ok{};
}

}  // namespace

Result<MembersFormat> members_format(std::string_view name) {
  if (name == "ndjson") return MembersFormat::Ndjson;
  if (name == "csv") return MembersFormat::Csv;
  if (name == "roaring") return MembersFormat::Roaring;
  const std::vector<std::string> known{"ndjson", "csv", "roaring"};
  return Error{ErrorCode::InvalidArgument,
               "no format " + with_suggestion(name, known) + "; there are ndjson, csv, roaring"};
}

Result<Response> members_reply(const Call& call, const MembersPass& pass,
                               const MembersRequest& asked) {
  TRY(check_members(asked));
  engine::Question question = asked.question;
  index::Ordinal from = 0;
  if (!asked.cursor.empty()) {
    TRY_ASSIGN(const Place place, place_of(hash_of(question), asked.cursor));
    if (!question.as_of) question.as_of = place.as_of;
    from = place.from;
  }
  TRY_ASSIGN(engine::MembersAnswer answer, call.engine().members(pass, question));
  // An unknown field is refused before anything is sent.
  TRY(call.engine().rows(pass, answer, std::span<const index::Ordinal>(), asked.fields));
  Response response;
  response.content_type = type_of(asked.format);
  response.headers.push_back({"X-Count", std::to_string(answer.members.count())});
  response.headers.push_back({"X-Snapshot", std::to_string(answer.snapshot)});
  response.headers.push_back({"X-As-Of", to_rfc3339(answer.as_of)});
  if (asked.format == MembersFormat::Roaring) {
    response.body = answer.members.to_bytes();
    return response;
  }
  if (const auto next = next_page(answer.members, from, asked.limit)) {
    response.headers.push_back(
        {"X-Next-Cursor", cursor_of(hash_of(asked.question), {answer.as_of, *next})});
  }
  auto stream = std::make_shared<MembersStream>(call, pass, asked, std::move(answer));
  stream->limit_to(from, asked.limit == 0 ? UINT64_MAX : asked.limit);
  response.next = [stream] { return stream->next(); };
  return response;
}

Result<engine::PastMoment> parse_past(std::string_view at) {
  engine::PastMoment moment;
  std::uint64_t offset = 0;
  const auto [end, failed] = std::from_chars(at.data(), at.data() + at.size(), offset);
  if (failed == std::errc() && end == at.data() + at.size()) {
    moment.offset = offset;
    return moment;
  }
  moment.at = parse_time(at, Zone());
  if (moment.at) return moment;
  return Error{ErrorCode::InvalidArgument,
               "'at' is an offset of the change stream, like 17, or an RFC 3339 time, like "
               "2026-11-01T08:00:00Z"};
}

Result<Response> past_members_reply(const Call& call, const MembersPass& pass,
                                    const PastRequest& past) {
  const MembersRequest& asked = past.asked;
  TRY(check_members(asked));
  if (!asked.fields.empty()) {
    return Error{ErrorCode::InvalidArgument,
                 "what people were like then is not known: leave 'fields' out with 'at'"};
  }
  const std::uint64_t question = hash64(past.segment, hash64("past"));
  engine::PastMoment moment = past.moment;
  index::Ordinal from = 0;
  if (!asked.cursor.empty()) {
    TRY_ASSIGN(const Place place, place_of(question, asked.cursor));
    moment = {{}, static_cast<std::uint64_t>(place.as_of)};
    from = place.from;
  }
  auto found = call.engine().members_at(pass, past.segment, moment);
  if (!found) return past_refused(call, std::move(found.error()));
  Response response;
  response.content_type = type_of(asked.format);
  response.headers = {{"X-Count", std::to_string(found->answer.members.count())},
                      {"X-As-Of", to_rfc3339(found->answer.as_of)},
                      {"X-Offset", std::to_string(found->offset)}};
  if (asked.format == MembersFormat::Roaring) {
    response.body = found->answer.members.to_bytes();
    return response;
  }
  if (const auto next = next_page(found->answer.members, from, asked.limit)) {
    const Place place{static_cast<TimeMs>(found->offset), *next};
    response.headers.push_back({"X-Next-Cursor", cursor_of(question, place)});
  }
  auto stream = std::make_shared<MembersStream>(call, pass, asked, std::move(found->answer));
  stream->limit_to(from, asked.limit == 0 ? UINT64_MAX : asked.limit);
  response.next = [stream] { return stream->next(); };
  return response;
}

Result<Response> past_refused(const Call& call, Error error) {
  if (error.code != ErrorCode::NotFound) return error;
  return changes_gone(call.request, call.engine().changes_kept().first);
}

// POST /v1/members  {"where": "...", "fields": ["country"]}  ->  200, one line a person
Result<Response> post_members(const Call& call, const MembersPass& pass) {
  TRY_ASSIGN(const JsonObject json,
             json_body(call.request, {"where", "as_of", "tz", "allow_unknown", "timeout_ms",
                                      "format", "fields", "cursor", "limit"}));
  MembersRequest asked;
  TRY_ASSIGN(asked.question, question_of(json));
  TRY_ASSIGN(const std::string format, json.text_or("format", "ndjson"));
  TRY_ASSIGN(asked.format, members_format(format));
  TRY_ASSIGN(asked.fields, json.texts("fields"));
  TRY_ASSIGN(asked.cursor, json.text_or("cursor", ""));
  TRY_ASSIGN(asked.limit, json.number_or("limit", 0));
  return members_reply(call, pass, asked);
}

}  // namespace muster::server
