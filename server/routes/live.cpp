// What moves by itself: the size of a saved segment as it changes, who entered and left, and how
// that went over time.
//
// Streams are Server-Sent Events (WHATWG HTML, "Server-sent events"): a stream goes on until its
// reader or the server ends it, and `Last-Event-ID` takes it up again where it broke off.
#include <charconv>
#include <map>
#include <memory>
#include <utility>

#include "base/time.h"
#include "engine/change_reason.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {
namespace {

// Of one answer without a limit, and of one piece of a stream.
constexpr std::uint64_t kRowsDefault = 10'000, kRowsMax = 100'000;
constexpr std::size_t kRowsOfPiece = 10'000;
// Of one answer, each of 256 records at most: where a segment has few rows among those of many, the
// answer says how far it got.
constexpr int kReadsMax = 8;
constexpr const char* kAlive = ": alive\n\n";  // A comment, which readers pass over.

// The same, with how far the stream was read: who comes back with that has missed nothing, and goes
// on from there however long ago the last row was.
std::string alive_at(std::uint64_t last) {
  return "id: " + std::to_string(last) + "\n" + kAlive;
}

std::string row_json(const engine::ChangeRow& row) {
  JsonWriter json;
  json.begin_object().key("offset").number(row.offset).key("segment").text(row.segment);
  json.key("version").number(row.version).key("profile_id");
  row.profile_id ? json.text(*row.profile_id) : json.null();
  json.key("change").text(row.entered ? "entered" : "left");
  json.key("reason").text(engine::name_of(row.reason));
  json.key("happened").text(to_rfc3339(row.happened));
  json.key("known").text(to_rfc3339(row.known));
  json.end_object();
  return json.take();
}

std::string event_text(std::string_view name, std::uint64_t id, std::string_view data) {
  return "id: " + std::to_string(id) + "\nevent: " + std::string(name) +
         "\ndata: " + std::string(data) + "\n\n";
}

bool wants_events(const Request& request) {
  return request.header("accept").find("text/event-stream") != std::string_view::npos;
}

// Nothing where the reader begins anew.
Result<std::optional<std::uint64_t>> last_event_id(const Request& request) {
  const std::string_view text = request.header("last-event-id");
  if (text.empty()) return std::optional<std::uint64_t>();
  std::uint64_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::InvalidArgument,
                 "Last-Event-ID is no number of an event of this stream; leave it out to begin "
                 "anew"};
  }
  return std::optional(id);
}

Response event_stream(BodyStream next, std::function<bool()> is_ready) {
  Response response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.next = std::move(next);
  response.is_ready = std::move(is_ready);
  return response;
}

// Rows of one segment, or of all, from an offset on.
class ChangeReader {
 public:
  ChangeReader(const Call& call, const MembersPass& pass, std::string segment, std::uint64_t from)
      : engine_(call.engine()), pass_(pass), segment_(std::move(segment)), next_(from) {}

  bool has_more() const { return next_ < engine_.next_change(); }
  std::uint64_t next() const { return next_; }

  Result<std::vector<engine::ChangeRow>> read(std::size_t limit) {
    TRY_ASSIGN(engine::ChangesAnswer answer,
               engine_.changes(pass_, {.segment = segment_, .from = next_, .limit = limit}));
    next_ = answer.next;
    return std::move(answer.rows);
  }

 private:
  const engine::Engine& engine_;
  const MembersPass pass_;
  const std::string segment_;
  std::uint64_t next_;
};

// As events, for as long as somebody reads. An alive line says how far the stream has been read,
// so that rows of other segments are not read again.
Response follow(const std::shared_ptr<ChangeReader>& reader) {
  const auto next = [reader]() -> Result<std::string> {
    TRY_ASSIGN(const auto rows, reader->read(kRowsOfPiece));
    std::string piece;
    for (const auto& row : rows) piece += event_text("change", row.offset, row_json(row));
    return piece.empty() ? alive_at(reader->next() - 1) : std::move(piece);
  };
  return event_stream(next, [reader] { return reader->has_more(); });
}

// What is there, as NDJSON, `limit` rows at most. `first`: the first row that is kept.
Result<Response> read_out(ChangeReader& reader, std::uint64_t first, std::uint64_t limit) {
  std::string body;
  std::uint64_t rows = 0;
  for (int reads = 0; reads < kReadsMax && rows < limit && reader.has_more(); ++reads) {
    TRY_ASSIGN(const auto read, reader.read(static_cast<std::size_t>(limit - rows)));
    for (const auto& row : read) body += row_json(row) + "\n";
    rows += read.size();
  }
  Response response;
  response.content_type = "application/x-ndjson";
  response.headers = {{"X-Next-Offset", std::to_string(reader.next())},
                      {"X-First-Offset", std::to_string(first)}};
  response.body = std::move(body);
  return response;
}

Result<Response> changes_reply(const Call& call, const MembersPass& pass,
                               const std::string& segment) {
  TRY(only_query(call.request, {"from", "limit"}));
  TRY_ASSIGN(const std::uint64_t from, query_number(call.request, "from", 0));
  TRY_ASSIGN(const std::uint64_t limit, query_number(call.request, "limit", kRowsDefault));
  TRY_ASSIGN(const auto last, last_event_id(call.request));
  if (limit == 0 || limit > kRowsMax) {
    return Error{ErrorCode::InvalidArgument, "'limit' is 1 to 100,000"};
  }
  const engine::ChangesKept kept = call.engine().changes_kept();
  if (from > kept.end || last.value_or(0) >= kept.end) {
    return Error{ErrorCode::InvalidArgument,
                 "there is no change with that offset yet; the next one is " +
                     std::to_string(kept.end)};
  }
  const bool is_stream = wants_events(call.request);
  const std::uint64_t anew = is_stream ? kept.end : kept.first;
  const std::uint64_t begin = is_stream && last ? *last + 1 : from != 0 ? from : anew;
  // Who names an offset has read what stands before it, and is told what they have missed.
  if (begin < kept.first) return changes_gone(call.request, kept.first);
  if (!is_stream) {
    ChangeReader reader(call, pass, segment, begin);
    return read_out(reader, kept.first, limit);
  }
  return follow(std::make_shared<ChangeReader>(call, pass, segment, begin));
}

std::string size_json(const std::string& segment, const engine::SegmentSize& size) {
  JsonWriter json;
  json.begin_object().key("segment").text(segment).key("version").number(size.version);
  json.key("count").number(size.members);
  json.key("as_of").text(to_rfc3339(size.as_of));
  if (!size.failure.empty()) json.key("failure").text(size.failure);
  json.end_object();
  return json.take();
}

// The sizes of one segment, or of all, as they change.
class SizeReader {
 public:
  // `last`: what the reader had when it broke off.
  SizeReader(const Call& call, const QueryPass& pass, std::string segment,
             std::optional<std::uint64_t> last)
      : engine_(call.engine()), pass_(pass), segment_(std::move(segment)), last_(last) {}

  bool has_more() const { return is_first_ || looked_ != engine_.segment_changes(); }

  // The events since the last call; nothing when the one segment is gone.
  std::string next() {
    looked_ = engine_.segment_changes();
    const std::uint64_t offset = engine_.next_change();
    // Who comes back and has missed nothing is told nothing.
    const bool has_all = std::exchange(is_first_, false) && last_ == offset;
    const Sizes now = sizes();
    if (!segment_.empty() && now->empty()) return "";
    std::string piece;
    for (const auto& [id, size] : *now) {
      const auto before = told_->find(id);
      if (has_all || (before != told_->end() && is_same(before->second, size))) continue;
      piece += event_text("count", offset, size_json(id, size));
    }
    for (const auto& [id, size] : *told_) {
      if (now->contains(id)) continue;
      JsonWriter json;
      json.begin_object().key("segment").text(id).end_object();
      piece += event_text("deleted", offset, json.str());
    }
    told_ = now;
    return piece.empty() ? kAlive : piece;
  }

 private:
  using Sizes = engine::StandingSegments::Sizes;

  static bool is_same(const engine::SegmentSize& a, const engine::SegmentSize& b) {
    return a.members == b.members && a.version == b.version && a.failure == b.failure;
  }

  Sizes sizes() const {
    if (segment_.empty()) return engine_.segment_sizes(pass_);
    auto one = std::make_shared<std::map<std::string, engine::SegmentSize>>();
    if (auto size = engine_.segment_size(pass_, segment_)) one->emplace(segment_, *size);
    return one;
  }

  const engine::Engine& engine_;
  const QueryPass pass_;
  const std::string segment_;
  const std::optional<std::uint64_t> last_;
  std::uint64_t looked_ = 0;
  bool is_first_ = true;
  Sizes told_ = std::make_shared<const std::map<std::string, engine::SegmentSize>>();
};

Result<Response> live_reply(const Call& call, const QueryPass& pass, const std::string& segment) {
  TRY_ASSIGN(const auto last, last_event_id(call.request));
  const auto reader = std::make_shared<SizeReader>(call, pass, segment, last);
  return event_stream([reader]() -> Result<std::string> { return reader->next(); },
                      [reader] { return reader->has_more(); });
}

}  // namespace

// GET /v1/segments/buyers/live  ->  200 text/event-stream: the count, and each change of it
Result<Response> get_segment_live(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.engine().document("segment", call.param(0)));
  return live_reply(call, pass, call.param(0));
}

// GET /v1/live  ->  200, as for one segment, of all of them
Result<Response> get_live(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {}));
  return live_reply(call, pass, "");
}

// GET /v1/segments/buyers/changes?from=1&limit=100  ->  200, one row a line; with
// `Accept: text/event-stream` it goes on as rows come
Result<Response> get_segment_changes(const Call& call, const MembersPass& pass) {
  return changes_reply(call, pass, call.param(0));
}

// GET /v1/changes  ->  200, as for one segment, of all of them
Result<Response> get_changes(const Call& call, const MembersPass& pass) {
  return changes_reply(call, pass, "");
}

// GET /v1/segments/buyers/history?unit=hour  ->  200 {"unit", "items": [{"begin", "entered", ...}]}
Result<Response> get_segment_history(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {"unit"}));
  TRY(call.engine().document("segment", call.param(0)));
  const std::string_view unit = call.request.query_value("unit").value_or("day");
  if (unit != "day" && unit != "hour") {
    return Error{ErrorCode::InvalidArgument, "'unit' is \"day\" or \"hour\""};
  }
  JsonWriter json;
  json.begin_object().key("unit").text(unit).key("items").begin_array();
  for (const engine::HistoryStep& step : call.engine().segment_history(
           pass, call.param(0),
           unit == "day" ? engine::HistoryUnit::Day : engine::HistoryUnit::Hour)) {
    json.begin_object().key("begin").text(to_rfc3339(step.begin));
    json.key("entered").number(step.entered).key("left").number(step.left);
    json.key("members").number(step.members).end_object();
  }
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
