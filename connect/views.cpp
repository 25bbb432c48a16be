#include "connect/views.h"

#include <array>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster::connect {
namespace {

struct StateName {
  PersonState state;
  std::string_view name;
};
constexpr std::array kPersonStates{
    StateName{PersonState::None, "none"},
    StateName{PersonState::Sent, "sent"},
    StateName{PersonState::Pending, "pending"},
    StateName{PersonState::Rejected, "rejected"},
    StateName{PersonState::Excluded, "excluded"},
    StateName{PersonState::Unidentifiable, "unidentifiable"},
    StateName{PersonState::HeldOut, "held_out"},
    StateName{PersonState::Unknown, "unknown"},
    StateName{PersonState::Following, "following"},
};

void write_time(JsonWriter& json, std::string_view key, TimeMs time) {
  json.key(key);
  if (time == 0) {
    json.null();
  } else {
    json.text(to_rfc3339(time));
  }
}

void write_counts(JsonWriter& json, const RunCounts& counts) {
  json.key("audience").number(counts.audience);
  json.key("sent").number(counts.sent);
  json.key("already_there").number(counts.already_there);
  json.key("following").number(counts.following);
  json.key("held_out").number(counts.held_out);
  json.key("excluded").number(counts.excluded);
  json.key("unidentifiable").number(counts.unidentifiable);
  json.key("rejected").number(counts.rejected);
  json.key("pending").number(counts.pending);
  json.key("removals").begin_object();
  json.key("total").number(counts.removals);
  json.key("sent").number(counts.removals_sent);
  json.key("rejected").number(counts.removals_rejected);
  json.key("pending").number(counts.removals_pending);
  json.end_object();
  json.key("adds_up").boolean(counts.adds_up());
}

void write_run(JsonWriter& json, const RunView& run) {
  json.begin_object();
  json.key("sync").text(run.sync);
  json.key("run").number(run.number);
  json.key("state").text(name_of(run.state));
  json.key("snapshot").number(run.snapshot);
  write_time(json, "requested_at", run.requested_at);
  write_time(json, "started_at", run.started_at);
  write_time(json, "finished_at", run.finished_at);
  json.key("counts").begin_object();
  write_counts(json, run.counts);
  json.end_object();
  json.key("batches").number(run.batches);
  json.key("attempts").number(run.attempts);
  json.key("last_error").text(run.last_error);
  json.key("line").text(ledger_line(run));
  json.end_object();
}

}  // namespace

std::string_view name_of(RunState state) {
  switch (state) {
    case RunState::Requested: return "requested";
    case RunState::Delivering: return "delivering";
    case RunState::Blocked: return "blocked";
    case RunState::Finished: return "finished";
    case RunState::Incomplete: return "incomplete";
    case RunState::Failed: return "failed";
    case RunState::Cancelled: return "cancelled";
  }
  CHECK(!"every RunState has a name");
  return {};
}

std::string_view name_of(RemovalState state) {
  switch (state) {
    case RemovalState::Pending: return "pending";
    case RemovalState::Confirmed: return "confirmed";
    case RemovalState::GivenUp: return "given_up";
    case RemovalState::Cannot: return "cannot";
  }
  CHECK(!"every RemovalState has a name");
  return {};
}

std::string_view name_of(PersonState state) {
  for (const StateName& known : kPersonStates) {
    if (known.state == state) return known.name;
  }
  CHECK(!"every PersonState has a name");
  return {};
}

std::optional<PersonState> person_state_named(std::string_view name) {
  for (const StateName& known : kPersonStates) {
    if (known.name == name) return known.state;
  }
  return std::nullopt;
}

std::string ledger_line(const RunView& run) {
  const RunCounts& c = run.counts;
  const auto term = [](std::string_view name, std::uint64_t people) {
    return std::string(name) + " " + std::to_string(people);
  };
  return "run " + std::to_string(run.number) + " of " + run.sync + " (" +
         std::string(name_of(run.state)) + "): " + term("audience", c.audience) + " = " +
         term("sent", c.sent) + " + " + term("already there", c.already_there) + " + " +
         term("held out", c.held_out) + " + " + term("excluded", c.excluded) + " + " +
         term("unidentifiable", c.unidentifiable) + " + " + term("rejected", c.rejected) + " + " +
         term("pending", c.pending) + "; " + term("removals", c.removals) + " = " +
         term("sent", c.removals_sent) + " + " + term("rejected", c.removals_rejected) + " + " +
         term("pending", c.removals_pending) + ": " +
         (c.adds_up() ? "adds up" : "DOES NOT ADD UP");
}

std::string to_json(const RunView& run) {
  JsonWriter json;
  write_run(json, run);
  return json.take();
}

std::string to_json(const LedgerView& ledger) {
  JsonWriter json;
  json.begin_object();
  json.key("sync").text(ledger.sync);
  json.key("sent").number(ledger.sent);
  json.key("pending").number(ledger.pending);
  json.key("rejected").number(ledger.rejected);
  json.key("excluded").number(ledger.excluded);
  json.key("unidentifiable").number(ledger.unidentifiable);
  json.key("held_out").number(ledger.held_out);
  json.key("following").number(ledger.following);
  json.key("unknown").number(ledger.unknown);
  json.key("dead_letters").number(ledger.dead_letters);
  json.key("newest_run");
  if (ledger.newest_run) {
    write_run(json, *ledger.newest_run);
    json.key("line").text(ledger_line(*ledger.newest_run));
  } else {
    json.null();
  }
  json.end_object();
  return json.take();
}

std::string to_json(const PersonView& person) {
  JsonWriter json;
  json.begin_object();
  json.key("profile_id").text(person.profile_id);
  json.key("state").text(name_of(person.state));
  json.key("held").boolean(person.held);
  json.key("reason").text(person.reason);
  if (!person.arm.empty()) json.key("arm").text(person.arm);
  if (!person.leader_id.empty()) json.key("leader").text(person.leader_id);
  json.key("message_id").text(person.message_id);
  json.key("run").number(person.run);
  json.end_object();
  return json.take();
}

std::string to_json(const DeadLetterView& letter) {
  JsonWriter json;
  json.begin_object();
  json.key("message_id").text(letter.message_id);
  json.key("operation").text(letter.operation);
  json.key("run").number(letter.run);
  json.key("people").number(letter.people);
  json.key("attempts").number(letter.attempts);
  json.key("last_error").text(letter.last_error);
  json.end_object();
  return json.take();
}

std::string to_json(const std::vector<RemovalView>& removals) {
  JsonWriter json;
  json.begin_array();
  for (const RemovalView& removal : removals) {
    json.begin_object();
    json.key("sync").text(removal.sync);
    json.key("destination").text(removal.destination);
    json.key("state").text(name_of(removal.state));
    write_time(json, "at", removal.at);
    write_time(json, "until", removal.until);
    json.key("reason").text(removal.reason);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

std::string to_json(const JobView& job) {
  JsonWriter json;
  json.begin_object();
  json.key("id").text(job.id);
  json.key("kind").text(job.kind);
  json.key("state").text(name_of(job.run.state));
  json.key("done").number(job.done);
  json.key("total").number(job.total);
  write_time(json, "next_attempt", job.next_attempt.value_or(0));
  json.key("run");
  write_run(json, job.run);
  json.end_object();
  return json.take();
}

}  // namespace muster::connect
