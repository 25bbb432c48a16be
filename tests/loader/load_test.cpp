#include "loader/load.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <sstream>

#include "loader/gzip.h"
#include "loader/progress.h"
#include "tests/loader/decode.h"
#include "tests/loader/folder.h"

namespace muster::testing {
namespace {

using engine::IngestReceipt;
using engine::IngestRequest;
using loader::LoadFile;
using loader::LoadJob;
using loader::LoadProgress;
using loader::LoadReport;
using storage::TableKind;

// A target that remembers: what it was asked, what it took, and the keys it knows.
class MemoryTarget final : public loader::LoadTarget {
 public:
  Result<IngestReceipt> send(const IngestRequest& request) override {
    if (!errors.empty()) {
      Error error = errors.front();
      errors.pop_front();
      if (error.message != "go on") return error;
    }
    requests.push_back(request);
    const auto batch = decode(request.format, request.bytes, request.csv_header);
    if (!batch) return batch.error();
    IngestReceipt receipt;
    receipt.sequence = requests.size();
    receipt.repeated =
        !request.idempotency_key.empty() && !keys.insert(request.idempotency_key).second;
    receipt.accepted = batch->rows;
    receipt.rejected = batch->rejected.size();
    for (const index::RejectedLine& line : batch->rejected) {
      if (receipt.errors.size() < 2) {
        receipt.errors.push_back({line.line + request.first_line - 1, line.reason});
      }
    }
    if (!receipt.repeated && !request.dry_run) {
      rows[loader::label_of(request.table, request.name)] += batch->rows;
    }
    return receipt;
  }
  Status declare(std::string_view json) override {
    declared.emplace_back(json);
    if (json == "bad") return Error{ErrorCode::InvalidArgument, "/profiles is missing"};
    return Ok{};
  }

  std::deque<Error> errors;  // Answers to come instead of receipts; "go on" for none.
  std::vector<std::string> declared;
  std::vector<IngestRequest> requests;
  std::set<std::string> keys;
  std::map<std::string, std::uint64_t> rows;
};

class Load : public ::testing::Test {
 protected:
  Result<LoadReport> run(const LoadJob& job) {
    waits.clear();
    progress.clear();
    return loader::load(job, {.target = &target,
                              .clock = &clock,
                              .random = &random,
                              .sleep =
                                  [this](std::chrono::milliseconds wait) {
                                    waits.push_back(wait.count());
                                    clock.advance(wait.count());
                                  },
                              .progress =
                                  [this](const LoadProgress& p) {
                                    clock.advance(500);
                                    progress.push_back(p);
                                  }});
  }

  std::string error_of(const LoadJob& job) {
    const auto report = run(job);
    return report ? "no error" : report.error().message;
  }

  std::string path(const std::string& name) const { return folder.path() / name; }

  Folder folder;
  MemoryTarget target;
  ManualClock clock{1'000'000};
  SeededRandom random{1};
  std::vector<std::int64_t> waits;
  std::vector<LoadProgress> progress;
};

std::string numbered_rows(int count) {
  std::string rows;
  for (int i = 0; i < count; ++i)
    rows += "{\"a\":" + std::to_string(i) + "}\n";
  return rows;
}

TEST_F(Load, DeclaresFirstThenThingsPeopleAndWhatTheyDid) {
  LoadJob job;
  job.schema = folder.write("schema.json", "{\"x\":1}");
  job.files = {{TableKind::Events, "", folder.write("e.ndjson.gz", loader::gzip("{\"a\":1}", 6))},
               {TableKind::UserInfo, "crm", folder.write("u.csv", "k,v\n1,2\n")},
               {TableKind::Profiles, "", folder.write("p.ndjson", "{\"a\":1}\n{\"a\":2}\n")},
               {TableKind::Entities, "product", folder.write("x.ndjson", "{\"a\":1}\n")}};
  const auto report = run(job);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(std::vector<std::string>{"{\"x\":1}"}, target.declared);
  std::string order;
  for (const auto& totals : report->tables) {
    order += totals.table + "=" + std::to_string(totals.accepted) + " ";
  }
  EXPECT_EQ("entities:product=1 profiles=2 userinfo:crm=1 events=1 ", order);
  EXPECT_EQ(4U, report->sequence);
  EXPECT_EQ("k,v\n", target.requests[2].csv_header);
  EXPECT_EQ(2U, target.requests[2].first_line);
}

TEST_F(Load, StartingAgainTakesNoEventTwice) {
  LoadJob job;
  job.chunk_bytes = 100;
  job.files = {{TableKind::Events, "", folder.write("e.ndjson", numbered_rows(100))}};
  const Error stop{ErrorCode::StorageFull, "the disk is full"};
  for (int i = 0; i < 4; ++i)
    target.errors.push_back({ErrorCode::Unavailable, "go on"});
  target.errors.push_back(stop);
  const std::string message = error_of(job);
  EXPECT_EQ("loading stopped in '" + path("e.ndjson") + "' at line " +
                std::to_string(target.rows["events"] + 1) + ": the disk is full",
            message);
  EXPECT_EQ(4U, target.keys.size());
  const auto report = run(job);
  ASSERT_TRUE(report);
  EXPECT_EQ(100U, target.rows["events"]);
  EXPECT_EQ(4U, report->tables[0].repeated_chunks);
}

TEST_F(Load, ABusyTargetIsAskedAgainForAWhile) {
  LoadJob job;
  job.files = {{TableKind::Profiles, "", folder.write("p.ndjson", numbered_rows(3))}};
  Error busy{ErrorCode::Overloaded, "the queue is full"};
  target.errors = {busy, busy};
  busy.retry_after = std::chrono::seconds(2);
  target.errors.push_back(busy);
  ASSERT_TRUE(run(job));
  EXPECT_EQ((std::vector<std::int64_t>{100, 200, 2000}), waits);
  EXPECT_EQ(3U, target.rows["profiles"]);

  target.errors.assign(100, {ErrorCode::Unavailable, "shutting down"});
  EXPECT_EQ("loading stopped in '" + path("p.ndjson") + "' at line 1: shutting down",
            error_of(job));
  EXPECT_EQ(11U, waits.size());
}

TEST_F(Load, RefusedLinesAreWrittenWithFileAndLine) {
  LoadJob job;
  job.rejects = path("rejects.ndjson");
  job.chunk_bytes = 30;
  job.files = {{TableKind::Profiles, "",
                folder.write("p.ndjson", "{\"a\":1}\n{bad\n\n{\"a\":2}\n{bad\n{bad\n{bad\n")}};
  const auto report = run(job);
  ASSERT_TRUE(report);
  EXPECT_EQ(2U, report->tables[0].accepted);
  EXPECT_EQ(4U, report->tables[0].rejected);
  const std::string reason = "the row does not end with the closing brace of its object";
  std::string expected;
  for (const char* line : {"2", "5", "6", "7"}) {
    expected += "{\"file\":\"" + path("p.ndjson") + "\",\"line\":" + line + ",\"reason\":\"" +
                reason + "\"}\n";
  }
  const std::string written = read_file(path("rejects.ndjson"));
  EXPECT_EQ(expected, written);
}

TEST_F(Load, ARefreshIsOneIdAndOneLastChunk) {
  LoadJob job;
  job.chunk_bytes = 100;
  job.replace = "profiles";
  job.force = true;
  job.files = {{TableKind::Profiles, "", folder.write("a.ndjson", numbered_rows(30))},
               {TableKind::Entities, "product", folder.write("x.ndjson", numbered_rows(1))},
               {TableKind::Profiles, "", folder.write("b.ndjson", numbered_rows(30))}};
  ASSERT_TRUE(run(job));
  ASSERT_LT(6U, target.requests.size());
  EXPECT_EQ("", target.requests[0].replace_id);  // The product.
  for (std::size_t i = 1; i < target.requests.size(); ++i) {
    EXPECT_EQ(target.requests[1].replace_id, target.requests[i].replace_id);
    EXPECT_EQ(32U, target.requests[i].replace_id.size());
    EXPECT_EQ(i + 1 == target.requests.size(), target.requests[i].replace_last);
    EXPECT_EQ("", target.requests[i].idempotency_key);
    EXPECT_TRUE(target.requests[i].force);
  }
}

TEST_F(Load, ADryRunOfARefreshSendsTheTableAtOnceAndDeclaresNothing) {
  LoadJob job;
  job.schema = folder.write("schema.json", "{}");
  job.chunk_bytes = 100;
  job.replace = "profiles";
  job.dry_run = true;
  job.files = {{TableKind::Profiles, "", folder.write("a.ndjson", numbered_rows(300))}};
  ASSERT_TRUE(run(job));
  ASSERT_EQ(1U, target.requests.size());
  EXPECT_TRUE(target.requests[0].dry_run);
  EXPECT_TRUE(target.requests[0].replace_last);
  EXPECT_TRUE(target.declared.empty());
}

// Whatever is wrong with any of the inputs is known before anything is sent.
TEST_F(Load, WrongInputChangesNothing) {
  LoadJob good;
  good.files = {{TableKind::Profiles, "", folder.write("p.ndjson", numbered_rows(3))}};
  struct Case {
    std::string what;
    std::function<void(LoadJob&)> spoil;
    std::string message;
  };
  const std::string packed = loader::gzip(numbered_rows(100'000), 1);
  const Case cases[] = {
      {"no schema", [&](LoadJob& job) { job.schema = path("none.json"); },
       "there is no file '" + path("none.json") + "'"},
      {"no file",
       [&](LoadJob& job) {
         job.files.push_back({TableKind::Events, "", path("no")});
       },
       "there is no file '" + path("no") + "'"},
      {"cut off",
       [&](LoadJob& job) {
         job.files.push_back({TableKind::Events, "",
                              folder.write("e.ndjson.gz", packed.substr(0, packed.size() - 9))});
       },
       "in the file '" + path("e.ndjson.gz") + "' the compressed data is cut off before its end"},
      {"a header twice",
       [&](LoadJob& job) {
         job.files.push_back({TableKind::Events, "", folder.write("e.csv", "a,a\n1,2\n")});
       },
       "in the file '" + path("e.csv") + "' the header line of the CSV names the column 'a' twice"},
      {"no such table", [&](LoadJob& job) { job.replace = "userinfo:crm"; },
       "--replace 'userinfo:crm' names a table that no file is given for"},
      {"events replaced",
       [&](LoadJob& job) {
         job.files.push_back({TableKind::Events, "", folder.write("f.ndjson", "{}")});
         job.replace = "events";
       },
       "events cannot be replaced; profiles, userinfo:NAME and entities:NAME can"},
      {"replaced by nothing",
       [&](LoadJob& job) {
         job.files[0].path = folder.write("empty.ndjson", "");
         job.replace = "profiles";
       },
       "the file '" + path("empty.ndjson") +
           "' is empty; to replace a table by nothing, erase its rows"},
      {"rejects in no folder", [&](LoadJob& job) { job.rejects = path("no/rejects"); },
       "the rejects file '" + path("no/rejects") + "' cannot be written"},
      {"bad declaration", [&](LoadJob& job) { job.schema = folder.write("bad.json", "bad"); },
       "the declaration '" + path("bad.json") + "' was refused: /profiles is missing"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    LoadJob job = good;
    c.spoil(job);
    EXPECT_EQ(c.message, error_of(job));
    EXPECT_TRUE(target.requests.empty());
  }
}

TEST_F(Load, ProgressGrowsToTheWholeAndRates) {
  LoadJob job;
  job.chunk_bytes = 100;
  job.files = {{TableKind::Profiles, "", folder.write("a.ndjson", numbered_rows(50))},
               {TableKind::Events, "", folder.write("b.ndjson", numbered_rows(50))}};
  ASSERT_TRUE(run(job));
  ASSERT_LT(4U, progress.size());
  for (std::size_t i = 1; i < progress.size(); ++i) {
    EXPECT_GE(progress[i].bytes_done, progress[i - 1].bytes_done);
    EXPECT_GT(progress[i].rows, progress[i - 1].rows);
  }
  const LoadProgress& last = progress.back();
  EXPECT_EQ(last.bytes_total, last.bytes_done);
  EXPECT_EQ(100U, last.rows);
  EXPECT_DOUBLE_EQ(100 / last.seconds, last.rows_per_s);
  EXPECT_EQ(0, last.seconds_left);
}

TEST(Progress, OneLineWithBarRateAndTimeLeft) {
  LoadProgress progress;
  progress.table = "events";
  progress.rows = 1'234'567;
  progress.bytes_done = 54;
  progress.bytes_total = 100;
  progress.rows_per_s = 210'000;
  progress.mb_per_s = 45.12;
  progress.seconds = 3;
  progress.seconds_left = 71.2;
  EXPECT_EQ(
      "events  [============>           ]  54%  1,234,567 rows  210,000/s  45.1 MB/s  1:12 left",
      loader::progress_line(progress));

  std::ostringstream terminal, pipe;
  loader::ProgressPrinter to_terminal(terminal, loader::ProgressStyle::Terminal);
  loader::ProgressPrinter to_pipe(pipe, loader::ProgressStyle::Ndjson);
  LoadReport report;
  report.seconds = 5.25;
  report.tables = {{.table = "events", .accepted = 1'000, .rejected = 2, .repeated_chunks = 1}};
  for (const double at : {3.0, 3.01, 3.2}) {
    progress.seconds = at;
    to_terminal.show(progress);
    to_pipe.show(progress);
  }
  to_terminal.finish(report);
  to_pipe.finish(report);
  const std::string line = "\r" + loader::progress_line(progress) + "\x1b[K";
  EXPECT_EQ(line + line + "\nevents: 1,000 taken, 1 chunks loaded earlier, 2 refused\n" +
                "done in 5.2 s\n",
            terminal.str());
  EXPECT_EQ(
      "{\"table\":\"events\",\"rows\":1234567,\"rejected\":0,\"bytes_done\":54,\"bytes_total\":100,"
      "\"rows_per_s\":210000,\"mb_per_s\":45.1,\"eta_s\":71}\n"
      "{\"loaded\":\"events\",\"accepted\":1000,\"rejected\":2,\"skipped\":0,\"created\":0,"
      "\"removed\":0,\"repeated_chunks\":1,\"bytes\":0}\n",
      pipe.str());
}

}  // namespace
}  // namespace muster::testing
