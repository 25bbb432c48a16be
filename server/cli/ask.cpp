// muster count, members, explain, check, plan: questions to a running server.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/json_writer.h"
#include "server/cli/commands.h"
#include "server/cli/words.h"

namespace muster::server {

namespace {

namespace json = boost::json;

struct AskOptions {
  ServerChoice server;
  std::string where, as_of, timezone, profile, format = "ndjson";
  std::vector<std::string> fields;
  std::uint64_t limit = 0;
  bool plan = false;  // explain: how it is answered, instead of why somebody is in.
};

void write_question(JsonWriter& out, const AskOptions& options) {
  out.begin_object();
  out.key("where").text(options.where);
  if (!options.as_of.empty()) out.key("as_of").text(options.as_of);
  if (!options.timezone.empty()) out.key("tz").text(options.timezone);
}

std::string question_json(const AskOptions& options) {
  JsonWriter out;
  write_question(out, options);
  if (!options.profile.empty()) out.key("profile").text(options.profile);
  out.end_object();
  return out.take();
}

// The answer as the server gave it; a person gets it in words.
Result<std::string> answer_of(const AskOptions& options, const std::string& path) {
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  return post_json(*client, path, question_json(options));
}

json::object object_of(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  return error || !value.is_object() ? json::object() : std::move(value.get_object());
}

Status count(const AskOptions& options) {
  TRY_ASSIGN(const std::string answer, answer_of(options, "/v1/count"));
  if (is_terminal(STDOUT_FILENO)) {
    std::cout << count_in_words(object_of(answer)) << std::endl;
  } else {
    std::cout << answer << std::flush;
  }
  return Ok{};
}

Status plan(const AskOptions& options) {
  TRY_ASSIGN(const std::string answer, answer_of(options, "/v1/plan"));
  if (is_terminal(STDOUT_FILENO)) {
    std::cout << plan_in_words(object_of(answer)) << std::flush;
  } else {
    std::cout << answer << std::flush;
  }
  return Ok{};
}

Status explain(const AskOptions& options) {
  if (options.plan) return plan(options);
  if (options.profile.empty()) {
    return Error{ErrorCode::InvalidArgument,
                 "explain needs --profile ID, whom to explain, or --plan"};
  }
  TRY_ASSIGN(const std::string answer, answer_of(options, "/v1/explain"));
  if (is_terminal(STDOUT_FILENO)) {
    std::cout << explanation_in_words(object_of(answer)) << std::flush;
  } else {
    std::cout << answer << std::flush;
  }
  return Ok{};
}

Status check(const AskOptions& options) {
  TRY_ASSIGN(const std::string answer, answer_of(options, "/v1/check"));
  const json::object found = object_of(answer);
  if (!is_terminal(STDOUT_FILENO)) std::cout << answer << std::flush;
  const json::value* errors = found.if_contains("errors");
  const bool wrong = errors != nullptr && errors->is_array() && !errors->get_array().empty();
  if (wrong) {
    const json::value& first = errors->get_array().front();
    const json::value* message = first.is_object() ? first.get_object().if_contains("message")
                                                   : nullptr;
    const bool said = message != nullptr && message->is_string();
    return Error{ErrorCode::InvalidArgument,
                 said ? std::string(message->get_string()) : "the expression is wrong"};
  }
  if (is_terminal(STDOUT_FILENO)) std::cout << check_in_words(found) << std::flush;
  return Ok{};
}

Status members(const AskOptions& options) {
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  JsonWriter out;
  write_question(out, options);
  out.key("format").text(options.format);
  if (!options.fields.empty()) {
    out.key("fields").begin_array();
    for (const std::string& field : options.fields) out.text(field);
    out.end_array();
  }
  if (options.limit != 0) out.key("limit").number(options.limit);
  out.end_object();
  const std::string body = out.take();
  ClientRequest request{.method = Method::Post, .path = "/v1/members", .body = body};
  request.headers.push_back({"Content-Type", "application/json"});
  TRY_ASSIGN(const ClientResponse response,
             client->stream(request, [](std::string_view piece) -> Status {
               std::cout.write(piece.data(), static_cast<std::streamsize>(piece.size()));
               if (std::cout) return Ok{};
               return Error{ErrorCode::Unavailable, "nobody reads what is written any more"};
             }));
  std::cout.flush();
  if (response.status != 200) return error_of(response);
  return Ok{};
}

struct Question {
  const char* name;
  const char* help;
  const char* example;
  Status (*run)(const AskOptions& options);
};

constexpr Question kQuestions[] = {
    {"count", "How many people are in a segment", "muster count 'country = \"FR\"'", count},
    {"members", "Who is in a segment",
     "muster members 'did \"purchase\" in last 30d' --fields country,age --format csv", members},
    {"explain", "Why a person is in a segment, or is not; with --plan, how it is answered",
     "muster explain 'did \"purchase\"' --profile p1\n  muster explain --plan 'age > 30'",
     explain},
    {"check", "Whether an expression is right, and what is odd about it",
     "muster check 'contry = \"FR\"'", check},
    {"plan", "How an expression is answered, and what every part of it took",
     "muster plan 'age > 30'", plan},
};

}  // namespace

void add_questions(CLI::App& app, Job& job) {
  for (const Question& question : kQuestions) {
    CLI::App* command = app.add_subcommand(question.name, question.help);
    command->footer(std::string("Example:\n  ") + question.example);
    auto options = std::make_shared<AskOptions>();
    command->add_option("expression", options->where, "The segment, as text or JSON")->required();
    command->add_option("--as-of", options->as_of, "Ask as if it were this RFC 3339 time");
    command->add_option("--tz", options->timezone, "Time zone of days, such as Europe/Paris");
    add_server_options(*command, options->server);
    const std::string name = question.name;
    if (name == "explain") {
      auto* profile = command->add_option("--profile", options->profile, "Whom to explain");
      auto* plan = command->add_flag("--plan", options->plan,
                                     "What is done per part: people, blocks, bytes, time");
      profile->excludes(plan);
    }
    if (name == "members") {
      command->add_option("--format", options->format, "ndjson, csv or roaring")
          ->capture_default_str();
      command->add_option("--fields", options->fields, "Fields to show")->delimiter(',');
      command->add_option("--limit", options->limit, "At most so many; 0: everybody");
    }
    const auto run = question.run;
    command->callback([&job, options, run] { job = [options, run] { return run(*options); }; });
  }
}

}  // namespace muster::server
