// A destination that is down for an hour, and for another one, while half a million people a second
// enter and leave its segment: what is planned, written and kept does not grow with them.
//
// What bounds it: a run plans 32 batches that are not settled (twice its concurrency, where that is
// more) and then none; no other run begins before it has ended; an open breaker lets one attempt
// through at a time. Changes stand in the engine's log, and are read when they can be sent.
#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using namespace testing;

constexpr std::uint32_t kPeople = 1'000'000;
constexpr std::uint64_t kMovesPerSecond = 500'000;
constexpr std::int64_t kHourSeconds = 3'600;
constexpr std::int64_t kWarmSeconds = 300;
constexpr std::uint32_t kBatch = 1'000;

// Half of all are in the segment, and each second half of them are others. What it says is worked
// out when it is asked for: 1.8 billion changes in an hour stand nowhere.
class RestlessAudience final : public Audience {
 public:
  explicit RestlessAudience(const Clock& clock) : clock_(clock), began_(clock.now()) {
    index::Bitmap parts[4];
    for (std::uint32_t i = 0; i < kPeople; ++i) parts[i % 4].add(i);
    for (int i = 0; i < 4; ++i) members_[i] = unite(parts[i], parts[(i + 1) % 4]);
  }

  Result<AudienceMoment> members(std::string_view) const override {
    return AudienceMoment{members_[seconds() % 4], next_change(), nullptr};
  }
  Result<AudienceMoment> matching(const std::string&) const override {
    return Error{ErrorCode::InvalidArgument, "Nobody asks."};
  }
  Result<AudienceMoment> latest() const override {
    return AudienceMoment{{}, next_change(), nullptr};
  }
  Result<std::vector<engine::ProfileRow>> people(
      const AudienceMoment&, std::span<const index::Ordinal> ordinals,
      const std::vector<std::string>& fields) const override {
    std::vector<engine::ProfileRow> rows;
    for (const index::Ordinal ordinal : ordinals) {
      engine::ProfileRow row;
      row.profile_id = "p" + std::to_string(ordinal);
      for (std::size_t i = 0; i < fields.size(); ++i) {
        row.values.push_back({Value(row.profile_id + "@example.com")});
        row.is_list.push_back(false);
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }
  Result<index::Bitmap> erased() const override { return index::Bitmap(); }
  Result<std::optional<index::Ordinal>> find(std::string_view) const override {
    return std::optional<index::Ordinal>();
  }
  Result<AudienceChanges> changes(std::string_view, std::uint64_t from,
                                  std::size_t limit) const override {
    AudienceChanges found{.next = from};
    for (; found.next < next_change() && found.rows.size() < limit; ++found.next) {
      const auto ordinal = static_cast<index::Ordinal>(found.next % kPeople);
      found.rows.push_back({.offset = found.next, .ordinal = ordinal,
                            .profile_id = "p" + std::to_string(ordinal),
                            .entered = found.next / kPeople % 2 == 0, .happened = clock_.now(),
                            .reason = "event"});
    }
    return found;
  }
  std::uint64_t next_change() const override { return 1 + seconds() * kMovesPerSecond; }
  std::uint64_t mark(std::string_view) const override { return seconds(); }
  Status check(std::string_view, const std::vector<std::string>&) const override { return Ok{}; }

 private:
  std::uint64_t seconds() const {
    return static_cast<std::uint64_t>(clock_.now() - began_) / 1'000;
  }
  const Clock& clock_;
  const TimeMs began_;
  index::Bitmap members_[4];
};

// Counts what is written, and keeps none of it.
struct Written {
  std::uint64_t bytes = 0, records = 0, planned = 0;
};

class CountingJournal final : public Journal {
 public:
  explicit CountingJournal(Written& written) : written_(written) {}
  Status append(std::string_view, std::vector<std::string> payloads) override {
    for (const std::string& payload : payloads) {
      written_.bytes += payload.size();
      written_.records += 1;
      const auto record = decode_outcome(payload);
      if (record && std::holds_alternative<BatchPlanned>(*record)) ++written_.planned;
    }
    return Ok{};
  }
  Status replay(std::string_view, const std::function<Status(std::string_view)>&) const override {
    return Ok{};
  }

 private:
  Written& written_;
};

class AnHourDown : public ::testing::TestWithParam<const char*> {
 protected:
  void open() {
    ExporterParts parts{.audience = std::make_unique<RestlessAudience>(clock_),
                        .documents = std::make_unique<FakeDocuments>(store_),
                        .journal = std::make_unique<CountingJournal>(written_),
                        .destinations = std::make_unique<FakeFactory>(receiver_),
                        .contacts = std::make_unique<FakeContacts>(store_, contacts_)};
    exporter_ = testing::opened(std::move(parts), clock_, random_);
    ASSERT_NE(nullptr, exporter_);
    const std::string batch = std::to_string(kBatch);
    ASSERT_TRUE(exporter_->put_destination(
        pass_, "crm", R"({"kind":"webhook","url":"https://hooks.example.com/in","concurrency":8,)"
                      R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","batch_size":)" +
                          batch + "}"));
    const auto sync = exporter_->put_sync(
        pass_, "buyers", std::string(R"({"segment":"buyers","destination":"crm",)") + GetParam() +
                             R"("mapping":{"mail":"email"}})");
    ASSERT_TRUE(sync) << sync.error().message;
  }

  // Until that second of the hour, the audience moving on in each.
  void work_until(std::int64_t second) {
    const TimeMs end = began_ + second * 1'000;
    while (clock_.now() < end) {
      if (exporter_->work_once()) continue;
      const auto due = exporter_->next_due();
      const TimeMs next = due ? std::max(*due, clock_.now() + 1) : end;
      clock_.set(std::min({end, clock_.now() + 1'000, next}));
    }
  }
  static std::int64_t heap_bytes() {
    return static_cast<std::int64_t>(mallinfo2().uordblks + mallinfo2().hblkhd);
  }

  ManualClock clock_{1'700'000'000'000};
  const TimeMs began_ = clock_.now();
  SeededRandom random_{1};
  Store store_;
  Receiver receiver_;
  Written written_;
  std::map<std::string, std::string> contacts_;
  std::unique_ptr<Exporter> exporter_;
  Exporter::Pass pass_ = *engine::Access::system("test").require<engine::Permission::Activate>();
};

TEST_P(AnHourDown, KeepsWhatARunPlansAndNoMore) {
  open();
  std::uint64_t attempts = 0;
  receiver_.reacts = [&](const std::string&, const boost::json::value&) {
    ++attempts;
    return Receiver::Reaction{false, {.kind = AnswerKind::NotSent, .text = "no answer on port 9"}};
  };
  work_until(kWarmSeconds);
  const Written warm = written_;
  const std::int64_t before = heap_bytes();
  work_until(kHourSeconds);
  const Written hour = written_;
  const std::int64_t after = heap_bytes();
  work_until(2 * kHourSeconds);
  const auto kib = [](std::uint64_t bytes) { return static_cast<unsigned>(bytes >> 10); };
  std::printf("%u batches planned, %u attempts; from minute 5 to 60: %u KiB of the journal, "
              "%d KiB of the heap; in the hour behind it: %u, %d\n",
              static_cast<unsigned>(written_.planned), static_cast<unsigned>(attempts),
              kib(hour.bytes - warm.bytes), static_cast<int>((after - before) / 1'024),
              kib(written_.bytes - hour.bytes), static_cast<int>((heap_bytes() - after) / 1'024));
  EXPECT_GT(hour.planned, 0U);
  EXPECT_LE(hour.planned, 32U);
  EXPECT_EQ(hour.planned, written_.planned);
  EXPECT_EQ(1U, exporter_->runs(pass_, "buyers")->size());
  EXPECT_GT(attempts, 8U);
  EXPECT_LE(attempts, 800U);
  EXPECT_LE(hour.bytes - warm.bytes, 1U << 20);
  EXPECT_LE(written_.bytes - hour.bytes, 1U << 20);
  EXPECT_LE(after - before, 4 << 20);
  EXPECT_LE(heap_bytes() - after, 1 << 20);

  // Behind it, it goes on.
  receiver_.reacts = nullptr;
  const auto sent = [this] { return exporter_->runs(pass_, "buyers")->front().counts.sent; };
  for (std::int64_t second = 2 * kHourSeconds; sent() == 0 && second < 6 * kHourSeconds;
       second += 10) {
    work_until(second);
  }
  EXPECT_GT(sent(), 0U);
}

INSTANTIATE_TEST_SUITE_P(OfEachMode, AnHourDown,
                         ::testing::Values(R"("mode":"diff","schedule":{"continuous":{}},)",
                                           R"("mode":"mirror","schedule":{"every":"1m"},)",
                                           R"("mode":"events","schedule":{"continuous":{}},)"));

}  // namespace
}  // namespace muster::connect
