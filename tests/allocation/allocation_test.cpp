// An allocation that fails ends the request, not the process, and changes nothing that is answered.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "base/time.h"
#include "query/language/language.h"
#include "tests/allocation/failing_new.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Permission;

// Does `act` with the n-th allocation failing, n = 1, 2, ... in growing steps, until it is through
// with all it needs. `act` may throw bad_alloc; nothing else.
void with_each_failing(const std::function<void()>& act, const std::function<void()>& after) {
  for (const Shortage shortage : {Shortage::OfOne, Shortage::OfAll}) {
    const std::uint64_t step = static_cast<std::uint64_t>(cases_of_run(24, 6));
    for (std::uint64_t n = 1;; n += 1 + n / step) {
      bool has_failed = false;
      {
        const FailingNew armed(n, shortage);
        try {
          act();
        } catch (const std::bad_alloc&) {
        }
        has_failed = FailingNew::has_failed();
      }
      if (!has_failed) break;
      after();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

class Allocation : public ::testing::Test {
 protected:
  Allocation() : people_(random_people(random_, {.people = 60})) {
    test_.keep_checkpoints(store_);
    EXPECT_TRUE(test_.restart());
    EXPECT_TRUE(test_.load(people_, Declare::Everything));
  }

  engine::IngestRequest three_new() {
    std::vector<Row> rows;
    for (int i = 0; i < 3; ++i) {
      rows.push_back({{"profile_id", text("late" + std::to_string(next_++))}});
    }
    return {.bytes = test_.spelling().write(rows)};
  }

  Random random_;
  TemporaryFolder folder_;
  storage::CheckpointStore store_{folder_.path()};
  People people_;
  TestEngine test_{default_rows(), kRandomNow};
  int next_ = 0;
};

TEST_F(Allocation, OfTheParserFailsTheQuestionAlone) {
  const std::string text =
      "(plan = \"pro\" or count(\"visit\" in last 7 days) >= 2) and not everyone";
  std::optional<Result<query::NodePtr>> parsed;
  with_each_failing([&] { parsed.emplace(query::parse(text)); },
                    [&] { ASSERT_TRUE(query::parse(text)); });
  ASSERT_TRUE(parsed && *parsed);
}

// A zone that is known is never taken for one that is not: its days would be those of UTC.
TEST_F(Allocation, OfAZoneDoesNotMakeItUnknown) {
  std::optional<Result<Zone>> zone;
  const auto name = [&] {
    zone.reset();
    zone.emplace(Zone::named("America/Argentina/ComodRivadavia"));
  };
  with_each_failing(name, [&] { ASSERT_TRUE(!zone || *zone) << zone->error().message; });
  ASSERT_TRUE(zone && *zone);
}

TEST_F(Allocation, OfTheEvaluatorFailsTheQuestionAlone) {
  RandomSegment segments(random_, people_);
  for (int i = 0; i < cases_of_run(12, 3); ++i) {
    const std::string text = segments.predicate(3);
    const auto right = test_.members(question(text));
    ASSERT_TRUE(right) << text << ": " << right.error().message;
    const auto ask = [&] {
      engine::Question asked = question(text);
      asked.from_kept = random_.below(2) == 0;
      const auto members = test_.engine().members(pass<Permission::Members>(), asked);
      if (!members) return;
      EXPECT_EQ(right->size(), members->members.count()) << text;
    };
    with_each_failing(ask, [&] {
      const auto again = test_.members(question(text));
      ASSERT_TRUE(again) << text << ": " << again.error().message;
      ASSERT_EQ(*right, *again) << text;
    });
  }
}

TEST_F(Allocation, OfTheCheckpointReaderMakesTheStartFailOrSlow) {
  ASSERT_TRUE(test_.take_checkpoint());
  const auto right = test_.members(question("everyone"));
  ASSERT_TRUE(right);
  const auto start = [&] {
    const Status started = test_.restart();
    if (started) return;
    EXPECT_EQ(ErrorCode::Unavailable, started.error().code) << started.error().message;
  };
  with_each_failing(start, [&] {
    ASSERT_TRUE(test_.restart());
    ASSERT_EQ(*right, test_.members(question("everyone")).value());
  });
}

// What was acknowledged is there. What was not is whole or absent, before and after a start; and
// a change that could not be finished ends the taking of changes.
TEST_F(Allocation, OfAWriteNeverHalfChangesWhatIsAnswered) {
  const auto people = [this] { return test_.count(question("everyone")).value(); };
  std::uint64_t known = people();
  std::optional<Result<engine::IngestReceipt>> receipt;
  engine::IngestRequest request = three_new();
  const auto write = [&] {
    receipt.reset();
    receipt.emplace(test_.engine().ingest(pass<Permission::Ingest>(), request));
  };
  const auto take_either = [&](bool is_taken) {
    const std::uint64_t found = people();
    ASSERT_TRUE(found == known + 3 || (!is_taken && found == known)) << found << " " << known;
    known = found;
  };
  with_each_failing(write, [&] {
    const bool is_taken = receipt && *receipt;
    const std::uint64_t before = known;
    take_either(is_taken);
    if (test_.engine().health().read_only) {
      ASSERT_FALSE(is_taken);
      const auto refused = test_.engine().ingest(pass<Permission::Ingest>(), three_new());
      ASSERT_FALSE(refused);
      ASSERT_EQ(ErrorCode::Unavailable, refused.error().code);
      ASSERT_TRUE(test_.restart());
      known = before;
      take_either(false);
    }
    request = three_new();
    const auto next = test_.engine().ingest(pass<Permission::Ingest>(), request);
    ASSERT_TRUE(next) << next.error().message;
    take_either(true);
    request = three_new();
  });
}

}  // namespace
}  // namespace muster::testing
