#include "connect/schedule.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::connect {
namespace {

constexpr std::size_t kZoneBytesMax = 64;

struct Unit {
  char letter;
  TimeMs ms;
};
constexpr std::array kUnits{Unit{'s', 1'000}, Unit{'m', 60'000}, Unit{'h', 3'600'000},
                            Unit{'d', 86'400'000}, Unit{'w', 604'800'000}};

std::string shown_duration(TimeMs ms) {
  for (std::size_t i = kUnits.size(); i-- > 1;) {
    if (ms % kUnits[i].ms == 0) return std::to_string(ms / kUnits[i].ms) + kUnits[i].letter;
  }
  return std::to_string(ms / kUnits[0].ms) + kUnits[0].letter;
}

Result<Schedule> read_every(const DocumentReader& reader) {
  constexpr std::array<std::string_view, 1> known{"every"};
  TRY(reader.only(known));
  Schedule schedule;
  TRY_ASSIGN(const std::string text, reader.required_text("every", 64));
  schedule.every_ms = parse_every(text);
  if (schedule.every_ms) return schedule;
  return reader.wrong("every", "a duration from 1s to 366d, like 15m, belongs here.");
}

Result<Schedule> read_cron(const DocumentReader& reader) {
  constexpr std::array<std::string_view, 2> known{"cron", "timezone"};
  TRY(reader.only(known));
  TRY_ASSIGN(const std::string text, reader.required_text("cron", kCronBytesMax));
  TRY_ASSIGN(const auto zone, reader.text("timezone", kZoneBytesMax));
  if (const auto known_zone = Zone::named(zone.value_or("UTC")); !known_zone) {
    return reader.wrong("timezone", known_zone.error().message);
  }
  Result<Cron> cron = Cron::parse(text, zone.value_or("UTC"));
  if (!cron) return reader.wrong("cron", cron.error().message);
  Schedule schedule;
  schedule.cron = std::move(*cron);
  return schedule;
}

Result<Schedule> read_continuous(const DocumentReader& reader) {
  constexpr std::array<std::string_view, 1> known{"continuous"};
  constexpr std::array<std::string_view, 1> known_inside{"debounce"};
  TRY(reader.only(known));
  TRY_ASSIGN(const auto inner, reader.object("continuous"));
  TRY(inner->only(known_inside));
  TRY_ASSIGN(const auto text, inner->text("debounce", 64));
  Schedule schedule;
  schedule.debounce_ms = text ? parse_every(*text) : kDebounceMsDefault;
  if (schedule.debounce_ms) return schedule;
  return inner->wrong("debounce", "a duration from 1s to 366d, like 5s, belongs here.");
}

}  // namespace

std::optional<TimeMs> Schedule::next(TimeMs last_requested, TimeMs changed) const {
  if (every_ms) return last_requested + *every_ms;
  if (cron) return cron->next(std::max(last_requested, changed));
  return std::nullopt;
}

Result<Schedule> read_schedule(const DocumentReader& reader) {
  if (!reader.has("schedule")) return Schedule{};
  const auto word = reader.text("schedule", 64);
  if (word && **word == "manual") return Schedule{};
  const auto schedule = reader.object("schedule");
  if (schedule && (*schedule)->has("every")) return read_every(**schedule);
  if (schedule && (*schedule)->has("cron")) return read_cron(**schedule);
  if (schedule && (*schedule)->has("continuous")) return read_continuous(**schedule);
  return reader.wrong("schedule",
                      "\"manual\", {\"every\": \"15m\"}, {\"cron\": \"0 9 * * 1-5\", "
                      "\"timezone\": \"UTC\"} or {\"continuous\": {\"debounce\": \"5s\"}} "
                      "belongs here.");
}

void write_schedule(JsonWriter& json, const Schedule& schedule) {
  json.key("schedule");
  if (schedule.every_ms) {
    json.begin_object().key("every").text(shown_duration(*schedule.every_ms)).end_object();
  } else if (schedule.cron) {
    json.begin_object().key("cron").text(schedule.cron->text());
    json.key("timezone").text(schedule.cron->timezone()).end_object();
  } else if (schedule.debounce_ms) {
    json.begin_object().key("continuous").begin_object();
    json.key("debounce").text(shown_duration(*schedule.debounce_ms)).end_object().end_object();
  } else {
    json.text("manual");
  }
}

std::optional<TimeMs> parse_every(std::string_view text) {
  if (text.size() < 2 || text.size() > 12) return std::nullopt;
  std::int64_t count = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [stop, failed] = std::from_chars(text.data(), end, count);
  if (failed != std::errc() || stop != end || count <= 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    if (count > kScheduleEveryMsMax / unit.ms) return std::nullopt;
    return count * unit.ms;
  }
  return std::nullopt;
}

}  // namespace muster::connect
