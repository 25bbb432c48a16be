// How fast the server is through HTTP, on a disk with sync: events in, beside parsing and writing
// the same bytes alone; how soon they count; look-ups; readers beside a writer; and above capacity.
//
// Clients and server share the machine's cores, so figures of a small machine are lower bounds.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <tuple>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "base/time.h"
#include "bench/engine_timing.h"
#include "bench/http_load.h"
#include "bench/http_server_process.h"
#include "bench/result_file.h"

namespace muster::bench {
namespace {

using server::ClientRequest;
using server::Method;

constexpr const char* kUsage = R"(usage: http_bench --muster PROGRAM [--profiles N]
  [--segments N] [--seconds S] [--folder DIR]
  [--only PART] [--senders N]
  [--json FILE] [--commit ID] [--date DAY] [--machine NAME]
)";
constexpr const char* kEvents[] = {"purchase", "view", "signup", "refund", "login"};
constexpr const char* kCountries[] = {"US", "DE", "FR", "GB", "ES", "IT", "JP", "BR"};
constexpr std::size_t kBodies = 64;  // Different ones of each size, sent again and again.
constexpr std::uint32_t kLoadAtOnce = 20'000;
constexpr unsigned kReaderRounds = 12;

struct Options {
  std::string program;
  ResultFile file;
  std::string folder = "/tmp";
  std::string only;  // Parts of this name; "": all.
  std::uint32_t people = 100'000, segments = 1'000, senders = 160;
  double seconds = 3;
};

// A figure, and what it is to be.
struct Figure {
  std::string name, unit;
  double value = 0, goal = 0;
  bool is_least = true;  // The goal is the least it may be; else the most.
  bool is_met() const { return is_least ? value >= goal : value <= goal; }
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}

  Result<std::vector<Figure>> run() {
    TRY(server_.start(options_.program, options_.folder));
    TRY(load_people());
    small_ = event_bodies(100);
    large_ = event_bodies(2'500);
    if (is_wanted("baselines")) baselines();
    if (is_wanted("small")) TRY(ingest("events/s, 100 a request", small_, 100, 150'000));
    // What others are measured by.
    TRY(ingest("events/s, 2,500 a request", large_, 2'500, 150'000));
    if (is_wanted("overload")) TRY(overload());
    if (is_wanted("visible")) TRY(visible());
    if (is_wanted("lookups")) TRY(lookups("profile look-ups"));
    if (is_wanted("readers")) TRY(readers());
    if (is_wanted("segments")) TRY(with_segments());
    return std::move(figures_);
  }

 private:
  bool is_wanted(std::string_view part) const {
    return part.find(options_.only) != part.npos;
  }

  static ClientRequest post(std::string path, std::string_view body) {
    return {.method = Method::Post,
            .path = std::move(path),
            .headers = {{"Content-Type", "application/x-ndjson"}},
            .body = body};
  }

  Status send(const ClientRequest& request) {
    server::HttpClient client(server::Url{{"127.0.0.1", server_.port()}, ""}, "");
    TRY_ASSIGN(const auto answer, client.send(request));
    if (answer.status < 300) return Ok{};
    return server::error_of(answer);
  }

  void note(Figure figure) {
    fmt::print("{:48} {:12.2f} {:9} (goal {} {})  {}\n", figure.name, figure.value, figure.unit,
               figure.is_least ? ">=" : "<=", figure.goal, figure.is_met() ? "PASS" : "SHORT");
    std::fflush(stdout);
    figures_.push_back(std::move(figure));
  }

  // Of one part alone: what it took of server and clients.
  Result<LoadResult> load(const LoadOptions& options, const MakeRequest& request) {
    const ProcessUse before = server_.use();
    TRY_ASSIGN(auto seen, run_load(server_.port(), options, request));
    const ProcessUse after = server_.use();
    fmt::print("{:48} of a core: server {:.2f}, clients {:.2f}; {:.0f} switches/s of the server; "
               "taken p50 {:.1f} p99 {:.1f} ms\n", "",
               (after.cpu_seconds - before.cpu_seconds) / seen.seconds,
               seen.cpu_seconds / seen.seconds,
               static_cast<double>(after.switches - before.switches) / seen.seconds,
               quantile(seen.taken_ms, 0.5), quantile(seen.taken_ms, 0.99));
    return seen;
  }

  Status load_people() {
    static constexpr std::string_view kSchema =
        R"({"profiles":{"id":"profile_id"},"events":{"profile":"profile_id","name":"type",)"
        R"("time":"ts"}})";
    TRY(send({.method = Method::Put, .path = "/v1/schema", .body = kSchema}));
    for (std::uint32_t first = 0; first < options_.people; first += kLoadAtOnce) {
      std::string rows;
      for (std::uint32_t i = first; i < std::min(options_.people, first + kLoadAtOnce); ++i) {
        rows += fmt::format("{{\"profile_id\":\"u{}\",\"country\":\"{}\",\"age\":{}}}\n", i,
                            kCountries[random_.below(8)], 18 + random_.below(60));
      }
      TRY(send(post("/v1/profiles", rows)));
    }
    return Ok{};
  }

  std::vector<std::string> event_bodies(std::size_t count) {
    const TimeMs now = SystemClock().now();
    std::vector<std::string> bodies(kBodies);
    for (std::string& body : bodies) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto ago = static_cast<TimeMs>(random_.below(90 * 86'400)) * 1'000;
        body += fmt::format(
            "{{\"profile_id\":\"u{}\",\"type\":\"{}\",\"ts\":\"{}\",\"amount\":{}}}\n",
            random_.below(options_.people), kEvents[random_.below(5)], to_rfc3339(now - ago),
            random_.below(100));
      }
    }
    return bodies;
  }

  // What nobody can be faster than: reading the JSON, and writing the bytes.
  void baselines() {
    simdjson::ondemand::parser parser;
    const Stopwatch parsing(TimeOf::Wall);
    std::size_t events = 0;
    while (parsing.seconds() < options_.seconds / 3) {
      for (const std::string& body : large_) {
        const simdjson::padded_string text(body);
        simdjson::ondemand::document_stream documents;
        CHECK(parser.iterate_many(text).get(documents) == simdjson::SUCCESS);
        for (auto document : documents) {
          for (auto field : document.get_object()) {
            events += std::string_view(field.unescaped_key()).size() == 6 ? 1 : 0;
          }
        }
      }
    }
    parsed_ = static_cast<double>(events) / parsing.seconds();
    fmt::print("{:48} {:12.0f} events/s\n", "simdjson alone, one core", parsed_);
    const std::string path = options_.folder + "/muster-http-rocksdb";
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    CHECK(rocksdb::DB::Open(options, path, &opened).ok());
    {
      const std::unique_ptr<rocksdb::DB> db(opened);
      rocksdb::WriteOptions writing;
      writing.sync = true;
      const Stopwatch watch(TimeOf::Wall);
      std::uint64_t n = 0;
      for (; watch.seconds() < options_.seconds / 3; ++n) {
        CHECK(db->Put(writing, fmt::format("{:020}", n), large_[n % kBodies]).ok());
      }
      written_ = static_cast<double>(n) * 2'500 / watch.seconds();
    }
    CHECK(rocksdb::DestroyDB(path, options).ok());
    fmt::print("{:48} {:12.0f} events/s\n", "RocksDB alone, 2,500 a sync", written_);
  }

  Result<LoadResult> ingest_load(const LoadOptions& how, const std::vector<std::string>& bodies) {
    return load(how, [&](unsigned connection, std::uint64_t n) {
      return post("/v1/events", bodies[(connection * 7 + n) % kBodies]);
    });
  }

  Status ingest(std::string name, const std::vector<std::string>& bodies, double events,
                double goal) {
    TRY_ASSIGN(const auto seen, ingest_load({.seconds = options_.seconds}, bodies));
    const double rate = seen.taken_per_second() * events;
    note({.name = name, .unit = "events/s", .value = rate, .goal = goal});
    fmt::print("{:48} {:12.2f} of simdjson alone, {:.2f} of RocksDB alone; p99 {:.1f} ms\n", "",
               rate / parsed_, rate / written_, quantile(seen.taken_ms, 0.99));
    best_ = rate;
    return Ok{};
  }

  // Ten times as many senders as the best rate needs: such as come again when they were told to,
  // and such as come again at once. Rows that are there cost the next ones more, so the best rate
  // is that of before and after.
  Status overload() {
    const LoadOptions few{.seconds = options_.seconds};
    TRY_ASSIGN(auto before, ingest_load(few, large_));
    for (const bool waits : {true, false}) {
      TRY_ASSIGN(const auto seen,
                 ingest_load({.connections = options_.senders, .seconds = options_.seconds,
                              .waits_as_told = waits}, large_));
      TRY_ASSIGN(auto after, ingest_load(few, large_));
      const double best = (before.taken_per_second() + after.taken_per_second()) / 2;
      before = std::move(after);
      const std::string who = fmt::format("{} senders that {}", options_.senders,
                                          waits ? "wait as told" : "come again at once");
      note({.name = "goodput with " + who + ", over the best", .unit = "x",
            .value = seen.taken_per_second() / best, .goal = 0.9});
      if (seen.refused == 0) continue;
      // Those who come again at once have the bodies later, on purpose (docs/decisions/0023).
      fmt::print("{:48} {:.0f} refused/s, heads p50 {:.2f} ms, p99 {:.1f} ms; with bodies p50 "
                 "{:.2f} ms\n", "",
                 static_cast<double>(seen.refused) / seen.seconds,
                 quantile(seen.refused_ms, 0.5), quantile(seen.refused_ms, 0.99),
                 quantile(seen.refused_whole_ms, 0.5));
      note({.name = "a refusal, p50, " + who, .unit = "ms",
            .value = quantile(seen.refused_ms, 0.5), .goal = 10, .is_least = false});
    }
    return Ok{};
  }

  // One event at a time, beside a tenth of the best rate: sent until it counts. Acknowledged is
  // visible (test_live), so that the answer is the moment.
  Status visible() {
    Result<LoadResult> beside = LoadResult();
    std::jthread load([&] {
      beside = ingest_load({.connections = 2, .seconds = options_.seconds,
                            .per_second = best_ / 10 / 100}, small_);
    });
    const std::string one = large_[0].substr(0, large_[0].find('\n') + 1);
    TRY_ASSIGN(const auto seen,
               run_load(server_.port(),
                        {.connections = 1, .seconds = options_.seconds, .per_second = 100},
                        [&](unsigned, std::uint64_t) { return post("/v1/events", one); }));
    load.join();
    if (!beside) return beside.error();
    note({.name = "commit to visible, p99", .unit = "ms", .value = quantile(seen.taken_ms, 0.99),
          .goal = 20, .is_least = false});
    return Ok{};
  }

  Status lookups(const std::string& what) {
    const auto person = [&](unsigned connection, std::uint64_t n) {
      return ClientRequest{
          .path = fmt::format("/v1/profiles/u{}", (connection * 7'919 + n * 104'729) %
                                                      options_.people)};
    };
    TRY_ASSIGN(const auto seen,
               load({.connections = 8, .seconds = options_.seconds, .per_second = 10'000},
                    person));
    note({.name = what + ", asked for 10,000/s", .unit = "/s",
          .value = seen.taken_per_second(), .goal = 9'900});
    note({.name = what + ", p99", .unit = "ms", .value = quantile(seen.taken_ms, 0.99),
          .goal = 1, .is_least = false});
    return Ok{};
  }

  Result<LoadResult> questions() {
    static constexpr std::string_view kWhere =
        R"({"where":"country = \"FR\" and did \"purchase\" in last 30d"})";
    return load({.connections = 2, .seconds = options_.seconds, .per_second = 100},
                [](unsigned, std::uint64_t) {
                  return ClientRequest{.method = Method::Post, .path = "/v1/count",
                                       .body = kWhere};
                });
  }

  // Alone and beside the writer in turn, so that what the machine does besides is in both.
  Status readers() {
    std::vector<double> alone, beside;
    const auto ask_into = [&](std::vector<double>& times) -> Status {
      TRY_ASSIGN(const auto seen, questions());
      times.insert(times.end(), seen.taken_ms.begin(), seen.taken_ms.end());
      return Ok{};
    };
    for (unsigned round = 0; round < kReaderRounds; ++round) {
      TRY(ask_into(alone));
      Result<LoadResult> writer = LoadResult();
      std::jthread writing([&] {
        writer = ingest_load({.connections = 4, .seconds = options_.seconds, .per_second = 40},
                             large_);
      });
      TRY(ask_into(beside));
      writing.join();
      if (!writer) return writer.error();
    }
    for (const auto& [name, part, goal] : {std::tuple("p50", 0.5, 1.1), {"p99", 0.99, 2.0}}) {
      note({.name = fmt::format("readers' {} beside 100,000 updates/s", name), .unit = "x",
            .value = quantile(beside, part) / quantile(alone, part), .goal = goal,
            .is_least = false});
    }
    return Ok{};
  }

  Status with_segments() {
    for (std::uint32_t i = 0; i < options_.segments; ++i) {
      const std::string where = fmt::format(
          R"({{"where":"country = \"{}\" and count(\"{}\" in last {}d) >= {}"}})",
          kCountries[random_.below(8)], kEvents[random_.below(5)], 7 * (1 + random_.below(8)),
          1 + random_.below(4));
      TRY(send({.method = Method::Put, .path = fmt::format("/v1/segments/s{}", i),
                .body = where}));
    }
    TRY(lookups(fmt::format("profile look-ups with {} segments", options_.segments)));
    return ingest(fmt::format("events/s with {} segments kept exact", options_.segments), large_,
                  2'500, 50'000);
  }

  const Options& options_;
  ServerProcess server_;
  SeededRandom random_{1};
  std::vector<std::string> small_, large_;
  std::vector<Figure> figures_;
  double parsed_ = 1, written_ = 1, best_ = 1;
};

Status write_json(const Options& options, const std::vector<Figure>& figures) {
  JsonWriter json = options.file.begin("http");
  json.key("people").number(options.people).key("segments").number(options.segments);
  json.key("figures").begin_array();
  for (const Figure& figure : figures) {
    json.begin_object().key("name").text(figure.name).key("unit").text(figure.unit);
    json.key("value").number(figure.value).key("goal").number(figure.goal);
    json.key("met").boolean(figure.is_met()).end_object();
  }
  json.end_array().end_object();
  return options.file.write(json.take());
}

bool read_option(const std::string& name, const std::string& value, Options& options) {
  const auto number = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  if (name == "--muster") {
    options.program = value;
  } else if (name == "--profiles") {
    options.people = number;
  } else if (name == "--segments") {
    options.segments = number;
  } else if (name == "--seconds") {
    options.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--folder") {
    options.folder = value;
  } else if (name == "--only") {
    options.only = value;
  } else if (name == "--senders") {
    options.senders = number;
  } else {
    return options.file.read(name, value);
  }
  return true;
}

int main_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !read_option(argv[i], argv[i + 1], options)) {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  const auto figures = Bench(options).run();
  const Status written = figures ? write_json(options, *figures) : Status(figures.error());
  if (!written) fmt::print(stderr, "http_bench: {}\n", written.error().message);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) { return muster::bench::main_of(argc, argv); }
