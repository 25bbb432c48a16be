// Several delivery threads and several callers at once: one delivery per destination at a time,
// nobody lost, nothing sent twice.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::FakeAudience;
using testing::FakeDocuments;
using testing::FakeJournal;
using testing::Receiver;

constexpr int kDestinations = 6;
constexpr index::Ordinal kPeople = 300;

// The seams of the small world, one caller at a time.
class LockedJournal final : public Journal {
 public:
  explicit LockedJournal(testing::Store& store) : journal_(store) {}
  Status append(std::string_view stream, std::vector<std::string> payloads) override {
    const std::scoped_lock lock(mutex_);
    return journal_.append(stream, std::move(payloads));
  }
  Status replay(std::string_view stream,
                const std::function<Status(std::string_view)>& visit) const override {
    const std::scoped_lock lock(mutex_);
    return journal_.replay(stream, visit);
  }

 private:
  mutable std::mutex mutex_;  // journal_
  FakeJournal journal_;
};

class LockedDocuments final : public DocumentStore {
 public:
  explicit LockedDocuments(testing::Store& store) : documents_(store) {}
  Result<engine::Document> put(engine::DocumentPut put) override {
    const std::scoped_lock lock(mutex_);
    return documents_.put(std::move(put));
  }
  std::vector<engine::Document> all(std::string_view kind) const override {
    const std::scoped_lock lock(mutex_);
    return documents_.all(kind);
  }

 private:
  mutable std::mutex mutex_;  // documents_
  FakeDocuments documents_;
};

// A receiver per host; notices two deliveries at once.
struct Hosts {
  struct Host {
    std::mutex mutex;  // receiver
    Receiver receiver;
    std::atomic<int> inside{0};
    std::atomic<int> overlaps{0};
  };
  std::map<std::string, Host> hosts;
};

class HostDestination final : public Destination {
 public:
  explicit HostDestination(Hosts::Host& host) : host_(host) {}
  Answer deliver(const Delivery& delivery, std::stop_token) override {
    if (host_.inside.fetch_add(1) > 0) ++host_.overlaps;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    Answer answer;
    {
      const std::scoped_lock lock(host_.mutex);
      answer = host_.receiver.receive(delivery);
    }
    host_.inside.fetch_sub(1);
    return answer;
  }

 private:
  Hosts::Host& host_;
};

class HostFactory final : public DestinationFactory {
 public:
  explicit HostFactory(Hosts& hosts) : hosts_(hosts) {}
  Status check(const DestinationDocument&) const override { return Ok{}; }
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override {
    return std::make_unique<HostDestination>(hosts_.hosts.at(document.url.host));
  }

 private:
  Hosts& hosts_;
};

class ExporterThreads : public ::testing::Test {
 protected:
  static std::string host(int i) { return "h" + std::to_string(i) + ".example"; }
  static std::string sync(int i) { return "s" + std::to_string(i); }

  void SetUp() override {
    people_.add_buyers(0, kPeople);
    for (int i = 0; i < kDestinations; ++i) {
      Receiver& receiver = hosts_.hosts[host(i)].receiver;
      receiver.reacts = [&receiver](const std::string&, const boost::json::value&) {
        const bool fails = receiver.deliveries % 3 == 0;
        return Receiver::Reaction{!fails,
                                  {.kind = AnswerKind::Status, .status = fails ? 500 : 200}};
      };
    }
    ExporterParts parts{.audience = std::make_unique<FakeAudience>(people_),
                        .documents = std::make_unique<LockedDocuments>(store_),
                        .journal = std::make_unique<LockedJournal>(store_),
                        .destinations = std::make_unique<HostFactory>(hosts_)};
    exporter_ = testing::opened(std::move(parts), clock_, random_);
    ASSERT_NE(nullptr, exporter_);
    for (int i = 0; i < kDestinations; ++i) define(i);
  }

  void define(int i) {
    ASSERT_TRUE(exporter_->put_destination(
        pass_, host(i),
        R"({"kind":"webhook","url":"https://)" + host(i) +
            R"(/in","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","batch_size":20,)"
            R"("retry_schedule_ms":[0,2],"max_attempts":100})"));
    ASSERT_TRUE(exporter_->put_sync(pass_, sync(i),
                                    R"({"segment":"buyers","destination":")" + host(i) +
                                        R"(","mapping":{"mail":"email"}})"));
  }

  // What callers of the API do meanwhile.
  void disturb(const std::stop_token& stop) {
    for (int n = 0; !stop.stop_requested(); ++n) {
      const std::string id = sync(n % kDestinations);
      if (n % 7 == 0) static_cast<void>(exporter_->pause(pass_, id));
      if (n % 7 == 0) static_cast<void>(exporter_->resume(pass_, id));
      static_cast<void>(exporter_->ledger(pass_, id));
      static_cast<void>(exporter_->jobs(pass_));
      static_cast<void>(exporter_->people(pass_, id, {.state = PersonState::Pending}));
      static_cast<void>(exporter_->person(pass_, id, "p7"));
      if (n % 11 == 0) define(n % kDestinations);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  bool all_finished() const {
    for (int i = 0; i < kDestinations; ++i) {
      const auto runs = exporter_->runs(pass_, sync(i));
      if (runs->empty() || runs->front().state != RunState::Finished) return false;
    }
    return true;
  }

  testing::People people_;
  testing::Store store_;
  Hosts hosts_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Exporter> exporter_;
  Exporter::Pass pass_ =
      *engine::Access::system("test").require<engine::Permission::Activate>();
};

TEST_F(ExporterThreads, ServeEachDestinationOneDeliveryAtATime) {
  for (int i = 0; i < kDestinations; ++i) {
    ASSERT_TRUE(exporter_->start_run(pass_, sync(i)));
  }
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([this](std::stop_token stop) { exporter_->run(std::move(stop)); });
    }
    threads.emplace_back([this](const std::stop_token& stop) { disturb(stop); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!all_finished() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  ASSERT_TRUE(all_finished());
  for (auto& [name, host] : hosts_.hosts) {
    SCOPED_TRACE(name);
    EXPECT_EQ(0, host.overlaps.load());
    EXPECT_EQ(0, host.receiver.duplicates);
    EXPECT_EQ(0, host.receiver.changed_bodies);
    EXPECT_EQ(kPeople, host.receiver.holds.size());
  }
}

}  // namespace
}  // namespace muster::connect
