// Raw requests that break careless servers (shared data, hostile/http): refused as their verdicts
// say, framing never lost, the server alive after each.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "server/http/json_request.h"
#include "server/http/server.h"
#include "tests/server/raw_client.h"
#include "tests/support/shared_data.h"

namespace muster::server {
namespace {

using std::chrono::milliseconds;

// Takes everything, and remembers which addresses were really asked.
class WitnessHandler final : public RequestHandler {
 public:
  std::variant<Response, std::unique_ptr<Exchange>> admit(Request&) override {
    return std::make_unique<Witness>(*this);
  }
  void count_malformed(int) override {}

  bool saw(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return paths_.contains(path);
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    paths_.clear();
  }

 private:
  class Witness final : public Exchange {
   public:
    explicit Witness(WitnessHandler& handler) : handler_(handler) {}
    std::size_t body_bytes_max() const override { return 64U << 10; }
    bool instant() const override { return false; }
    Lane lane() const override { return Lane::Questions; }
    Response answer(Request request) override {
      const std::lock_guard lock(handler_.mutex_);
      handler_.paths_.insert(request.path);
      return Response{.status = 200};
    }
    Response refuse(Response response) override { return response; }

   private:
    WitnessHandler& handler_;
  };

  std::mutex mutex_;  // Guards paths_.
  std::set<std::string> paths_;
};

struct Entry {
  std::string file, verdict;
};

std::vector<Entry> entries_of(const std::filesystem::path& folder) {
  std::vector<Entry> entries;
  std::ifstream in(folder / "manifest.ndjson");
  for (std::string line; std::getline(in, line);) {
    const auto json = JsonObject::parse(line);
    if (!json) continue;
    Entry entry{*json->text("file"), *json->text("verdict")};
    if (entry.file.starts_with("requests/")) entries.push_back(std::move(entry));
  }
  return entries;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Sends the bytes, waits for answers, says that no more will come, waits again.
RawAnswer exchange(std::uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.send(bytes);
  RawAnswer answer = client.read(milliseconds(100));
  if (answer.closed) return answer;
  client.end_of_sending();
  RawAnswer rest = client.read(milliseconds(5'000));
  answer.bytes += rest.bytes;
  answer.closed = rest.closed;
  return answer;
}

void check_verdict(const Entry& entry, const RawAnswer& answer, WitnessHandler& handler) {
  std::vector<int> statuses = statuses_of(answer.bytes);
  std::erase(statuses, 100);
  EXPECT_TRUE(answer.closed) << "the connection hangs";
  if (entry.verdict == "reject" || entry.verdict == "reject-bounded") {
    ASSERT_FALSE(statuses.empty() && !answer.bytes.empty());
    if (!statuses.empty()) {
      EXPECT_GE(statuses.back(), 400);
      EXPECT_LT(statuses.back(), 500);
    }
    EXPECT_FALSE(handler.saw("/smuggled"));
  } else if (entry.verdict == "414") {
    EXPECT_EQ(std::vector<int>{414}, statuses);
  } else if (entry.verdict == "pipeline-of-2") {
    EXPECT_EQ(2U, statuses.size());
  } else if (entry.verdict == "answers-in-order-bounded-memory") {
    EXPECT_EQ(5'000U, statuses.size());
  } else if (entry.verdict == "reject-or-exact" || entry.verdict == "reject-or-ignore") {
    ASSERT_FALSE(statuses.empty());
  } else if (entry.verdict == "trailer-never-authenticates") {
    EXPECT_EQ(1U, statuses.size());
  }
}

TEST(HostileHttp, EveryRequestGetsItsVerdict) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto folder = *testing::shared_data() / "data" / "hostile" / "http";
  WitnessHandler handler;
  HttpServerOptions options;
  options.stall_timeout = milliseconds(1'000);
  auto server = HttpServer::start(options, handler);
  ASSERT_TRUE(server) << server.error().message;
  const std::vector<Entry> entries = entries_of(folder);
  ASSERT_GT(entries.size(), 100U);
  for (const Entry& entry : entries) {
    SCOPED_TRACE(entry.file + ": " + entry.verdict);
    handler.forget();
    const RawAnswer answer = exchange((*server)->port(), bytes_of(folder / entry.file));
    check_verdict(entry, answer, handler);
    const RawAnswer alive =
        exchange((*server)->port(), "GET /alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ASSERT_EQ(std::vector<int>{200}, statuses_of(alive.bytes));
  }
}

}  // namespace
}  // namespace muster::server
