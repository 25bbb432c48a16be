// The change stream over a long time: rows that are past their retention, where the others stand,
// what a start reads, and who was in a segment at a moment.
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "engine/standing/change_index.h"
#include "tests/support/random_people.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Base;
using engine::ChangeIndex;
using engine::Permission;
using storage::ChangeReason;
using storage::MembershipChanges;

constexpr TimeMs kDay = 86'400'000;

// Takes ten seconds for each record that is read, by the clock of the engine, once it is told to.
class SlowLog final : public storage::Log {
 public:
  Status append(std::span<const std::string> records) override { return inner_.append(records); }
  Status replace(std::span<const storage::Replacement> records) override {
    return inner_.replace(records);
  }
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit)
      override {
    return inner_.read(first, [&](std::uint64_t sequence, std::string_view record) {
      if (slow_by != nullptr) slow_by->advance(10'000);
      return visit(sequence, record);
    });
  }
  std::uint64_t last_sequence() const override { return inner_.last_sequence(); }
  std::uint64_t size_bytes() const override { return 0; }

  ManualClock* slow_by = nullptr;

 private:
  storage::MemoryLog inner_;
};

class ChangeStream : public ::testing::Test {
 protected:
  ChangeStream() { test_.keep_checkpoints(store_); }

  void start(std::optional<TimeMs> keep = {}) {
    if (keep) test_.keep_changes_for(*keep);
    const Status started = test_.restart();
    ASSERT_TRUE(started) << started.error().message;
  }
  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    const auto put = test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
    ASSERT_TRUE(put) << where << "\n" << put.error().message;
  }
  void person(const std::string& id, const std::string& country) {
    const Row row{{"profile_id", text(id)}, {"country", text(country)}};
    ASSERT_TRUE(test_.profiles({row}));
  }
  void take() {
    const auto taken = test_.take_checkpoint();
    ASSERT_TRUE(taken) << taken.error().message;
  }
  void catch_up() { ASSERT_TRUE(test_.engine().keep_up(pass<Permission::Admin>())); }
  // "enters p" as "+p", by offset.
  Result<std::string> rows(std::uint64_t from) {
    TRY_ASSIGN(const auto answer,
               test_.engine().changes(pass<Permission::Members>(), {.from = from}));
    std::string all;
    for (const auto& row : answer.rows) {
      all += std::to_string(row.offset) + (row.entered ? "+" : "-") + row.profile_id.value_or("?") +
             " ";
    }
    return all;
  }
  Result<std::vector<std::string>> members_at(const std::string& segment,
                                              const engine::PastMoment& moment) {
    TRY_ASSIGN(const auto past,
               test_.engine().members_at(pass<Permission::Members>(), segment, moment));
    const std::vector<index::Ordinal> people = past.answer.members.to_vector();
    TRY_ASSIGN(const auto found,
               test_.engine().rows(pass<Permission::Members>(), past.answer, people, {}));
    std::vector<std::string> ids;
    for (const auto& row : found) ids.push_back(row.profile_id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  // 'c' a record of changes, 'e' an emptied one, 'h' a horizon, '.' another.
  std::string log() {
    std::string kinds;
    for (const std::string& record : test_.memory_log().records()) {
      const auto body = storage::decode(record).value().body;
      const auto* told = std::get_if<MembershipChanges>(&body);
      if (told != nullptr) kinds += told->groups.empty() ? 'e' : 'c';
      else kinds += std::holds_alternative<storage::ChangesHorizon>(body) ? 'h' : '.';
    }
    return kinds;
  }

  TemporaryFolder folder_;
  storage::CheckpointStore store_{folder_.path()};
  TestEngine test_{default_rows(), kRandomNow};
};

TEST_F(ChangeStream, RowsPastTheirRetentionAreGoneAndTheReaderIsTold) {
  start(2 * kDay);
  person("a", "US");
  save("us", "country = \"US\"");
  person("b", "US");
  test_.clock().advance(kDay);
  person("a", "DE");
  EXPECT_EQ("1+a 2+b 3-a ", rows(1).value());
  test_.clock().advance(3 * kDay / 2);
  take();
  // Two days old: nobody reads them any more, though they still stand there.
  EXPECT_EQ(3U, test_.engine().changes_kept().first);
  EXPECT_EQ(kRandomNow, test_.engine().changes_kept().until);
  const auto gone = rows(1);
  ASSERT_FALSE(gone);
  EXPECT_EQ(ErrorCode::NotFound, gone.error().code);
  EXPECT_NE(std::string::npos, gone.error().message.find("offset 3")) << gone.error().message;
  EXPECT_EQ("3-a ", rows(3).value());
  EXPECT_EQ("..c.c.ch", log());
  // And a start knows the same.
  start();
  EXPECT_EQ(3U, test_.engine().changes_kept().first);
  EXPECT_FALSE(rows(2));
  EXPECT_EQ("3-a ", rows(3).value());
  const auto steps = test_.engine().segment_history(pass<Permission::Query>(), "us",
                                                    engine::HistoryUnit::Day);
  ASSERT_EQ(2U, steps.size());
  EXPECT_EQ(1U, steps.back().members);
}

TEST_F(ChangeStream, TheirRecordsAreEmptiedBehindBothCheckpoints) {
  start(2 * kDay);
  person("a", "US");
  save("us", "country = \"US\"");
  for (const char* id : {"b", "c", "d"}) {
    test_.clock().advance(kDay);
    person(id, "US");
    take();
  }
  EXPECT_EQ("2+b 3+c 4+d ", rows(test_.engine().changes_kept().first).value());
  EXPECT_EQ("..e", log().substr(0, 3));
  person("e", "US");
  test_.clock().advance(30 * kDay);
  for (int i = 0; i < 4; ++i) {
    person("x" + std::to_string(i), "DE");
    take();
  }
  EXPECT_EQ("", rows(6).value());
  EXPECT_EQ(6U, test_.engine().changes_kept().first);
  EXPECT_EQ(std::string::npos, log().find('c')) << log();
  // Nobody was lost by it, and who comes and goes is told as before.
  person("c", "DE");
  EXPECT_EQ("6-c ", rows(6).value());
  start();
  EXPECT_EQ(4U, test_.engine().segment_size(pass<Permission::Query>(), "us")->members);
  EXPECT_EQ("6-c ", rows(6).value());
  test_.start_from(Base::OldestCheckpoint);
  start();
  EXPECT_EQ(4U, test_.engine().segment_size(pass<Permission::Query>(), "us")->members);
  EXPECT_EQ("6-c ", rows(6).value());
  EXPECT_TRUE(test_.notices().empty());
  test_.start_from(Base::Nothing);
  const Status refused = test_.restart();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::NotFound, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("past their retention"));
}

// What is asked as a whole is told behind what is true, so that a start has to know what was told.
TEST_F(ChangeStream, AStartKnowsWhatWasToldOfRanksWithoutTheirRows) {
  start(kDay);
  for (int i = 0; i < 8; ++i) {
    PlainEvent event{.id = "e" + std::to_string(i), .name = "buy", .time = kRandomNow,
                     .properties = {}};
    event.properties["amount"] = {false, {Decimal{i, 0}}};
    ASSERT_TRUE(test_.events({event_row("p" + std::to_string(i), event)}));
  }
  save("best", "everyone top 3 by sum(amount of \"buy\")");
  catch_up();
  EXPECT_EQ("1+p5 2+p6 3+p7 ", rows(1).value());
  test_.clock().advance(2 * kDay);
  for (int i = 0; i < 4; ++i) {
    person("x" + std::to_string(i), "DE");
    take();
  }
  EXPECT_FALSE(rows(3));
  // Nobody asks who is best now before the process ends.
  PlainEvent event{.id = "late", .name = "buy", .time = kRandomNow, .properties = {}};
  event.properties["amount"] = {false, {Decimal{100, 0}}};
  ASSERT_TRUE(test_.events({event_row("p0", event)}));
  start();
  catch_up();
  EXPECT_EQ("4-p5 5+p0 ", rows(4).value());
}

TEST_F(ChangeStream, WhoWasInItAtAMoment) {
  start(2 * kDay);
  person("a", "US");
  person("b", "US");
  save("us", "country = \"US\"");
  test_.clock().advance(kDay / 2);
  person("c", "US");
  test_.clock().advance(kDay);
  person("a", "DE");
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "b"));
  using Ids = std::vector<std::string>;
  EXPECT_EQ("1+a 2+b 3+c 4-a 5-b ", rows(1).value());
  EXPECT_EQ(Ids{}, members_at("us", {{}, 0}).value());
  EXPECT_EQ(Ids{"a"}, members_at("us", {{}, 1}).value());
  EXPECT_EQ(Ids{"a"}, members_at("us", {{}, 2}).value());  // And who is erased is not shown.
  EXPECT_EQ((Ids{"a", "c"}), members_at("us", {{}, 3}).value());
  EXPECT_EQ(Ids{"c"}, members_at("us", {{}, 5}).value());
  EXPECT_EQ(Ids{}, members_at("us", {kRandomNow - 1, {}}).value());
  EXPECT_EQ(Ids{"a"}, members_at("us", {kRandomNow, {}}).value());
  EXPECT_EQ((Ids{"a", "c"}), members_at("us", {kRandomNow + kDay, {}}).value());
  EXPECT_EQ(Ids{"c"}, members_at("us", {test_.engine().now(), {}}).value());
  const auto count = test_.engine().count_at(pass<Permission::Query>(), "us", {{}, 3});
  ASSERT_TRUE(count);
  EXPECT_EQ(2U, count->count);
  EXPECT_EQ(kRandomNow + kDay / 2, count->as_of);
  EXPECT_EQ(ErrorCode::InvalidArgument, members_at("us", {{}, 6}).error().code);
  EXPECT_EQ(ErrorCode::InvalidArgument,
            members_at("us", {test_.engine().now() + 1, {}}).error().code);
  // A day later the first rows are gone.
  test_.clock().advance(kDay);
  take();
  EXPECT_EQ(3U, test_.engine().changes_kept().first);
  EXPECT_EQ(ErrorCode::NotFound, members_at("us", {{}, 1}).error().code);
  EXPECT_EQ(ErrorCode::NotFound, members_at("us", {kRandomNow - 1, {}}).error().code);
  EXPECT_EQ(Ids{"a"}, members_at("us", {{}, 2}).value());
  EXPECT_EQ(Ids{"a"}, members_at("us", {kRandomNow + 1, {}}).value());
  EXPECT_EQ((Ids{"a", "c"}), members_at("us", {{}, 3}).value());
}

TEST_F(ChangeStream, IsReadFromEveryOffsetWhereverItsPlaceIsKnown) {
  start();
  ASSERT_TRUE(test_.declare(R"({"fields": {"profiles.age": {"type": "int64"}}})"));
  save("odd", "age > 0");
  const int rounds = static_cast<int>(ChangeIndex::kNewestMax) + 300;
  for (int i = 0; i < rounds; ++i) {
    const std::string id = "p" + std::to_string(i % 7);
    const Decimal age{i / 7 % 2 == 0 ? 1 : 0, 0};
    const Row row{{"profile_id", text(id)}, {"age", PlainField{false, {age}}}};
    ASSERT_TRUE(test_.profiles({row}));
  }
  const std::uint64_t end = test_.engine().next_change();
  ASSERT_EQ(static_cast<std::uint64_t>(rounds) + 1, end);
  for (std::uint64_t from = 1; from < end; from += from < 400 ? 1 : 97) {
    const auto read = test_.engine().changes(pass<Permission::Members>(),
                                             {.from = from, .limit = 3});
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(std::min<std::uint64_t>(3, end - from), read->rows.size());
    for (std::size_t i = 0; i < read->rows.size(); ++i) {
      ASSERT_EQ(from + i, read->rows[i].offset);
      ASSERT_EQ("p" + std::to_string((from + i - 1) % 7), read->rows[i].profile_id);
    }
  }
}

MembershipChanges one_row(std::uint64_t first, std::size_t people = 1) {
  MembershipChanges changes{first, {}};
  std::vector<std::uint32_t> ordinals(people);
  for (std::size_t i = 0; i < people; ++i) ordinals[i] = static_cast<std::uint32_t>(i);
  changes.groups.push_back({"s", 1, true, ChangeReason::Event, std::move(ordinals), {}});
  return changes;
}

// A million records of a row each: a place for about every 64th of the old ones.
TEST(PlacesOfChanges, AreFewAndTheSameAfterACheckpoint) {
  ChangeIndex index;
  constexpr std::uint64_t kRecords = 1'000'000;
  for (std::uint64_t i = 1; i <= kRecords; ++i) {
    index.note(2 * i, one_row(i), static_cast<TimeMs>(i));
    if (i != kRecords / 3) continue;
    std::string bytes;
    ByteWriter out(bytes);
    index.write(out);
    ChangeIndex again;
    ByteReader in(bytes);
    again.read(in);
    ASSERT_FALSE(in.failed());
    index.take(std::move(again));
  }
  EXPECT_LT(index.places().size(), kRecords / 32 + ChangeIndex::kNewestMax + 1);
  EXPECT_LT(index.bytes(), 2U << 20);
  for (std::uint64_t row = 1; row <= kRecords; row += 7'777) {
    const auto place = index.place_of(row);
    ASSERT_TRUE(place);
    EXPECT_LE(place->first_row, row);
    EXPECT_EQ(place->record, 2 * place->first_row);
    EXPECT_GT(place->end_row, row);
    EXPECT_LE(2 * row - place->record, 2 * ChangeIndex::kRecordsApart);
  }
  EXPECT_FALSE(index.place_of(kRecords + 1));
}

// As a checkpoint had it before there was a retention.
TEST(PlacesOfChanges, AreReadFromOlderCheckpoints) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(5'001);
  out.varint(5'000);
  for (int i = 0; i < 5'000; ++i) {
    out.varint(1);
    out.varint(3);
  }
  out.varint(0);
  ChangeIndex index, fresh;
  ByteReader in(bytes);
  index.read(in);
  ASSERT_FALSE(in.failed());
  EXPECT_TRUE(in.at_end());
  for (std::uint64_t i = 1; i <= 5'000; ++i) fresh.note(3 * i, one_row(i), 0);
  ASSERT_EQ(fresh.places().size(), index.places().size());
  for (std::uint64_t row = 1; row <= 5'000; row += 13) {
    EXPECT_EQ(fresh.place_of(row)->record, index.place_of(row)->record);
  }
  // One of a layout that is not known is refused.
  bytes = std::string("\0\x09", 2) + bytes;
  ByteReader newer(bytes);
  index.read(newer);
  EXPECT_TRUE(newer.failed());
}

TEST(PlacesOfChanges, BeforeAHorizonAreForgotten) {
  ChangeIndex index;
  for (std::uint64_t i = 1; i <= 10; ++i) index.note(i, one_row(10 * i - 9, 10), 0);
  index.forget({35, 4, 1, 7});
  EXPECT_EQ(35U, index.horizon().first);
  EXPECT_EQ(4U, index.place_of(35)->record);
  EXPECT_EQ(41U, index.place_of(35)->end_row);
  EXPECT_EQ(5U, index.place_of(41)->record);
  index.forget({101, 11, 1, 8});
  EXPECT_TRUE(index.places().empty());
  index.note(20, one_row(101), 9);
  EXPECT_EQ(20U, index.place_of(101)->record);
}

TEST(ChangeStreamOfASlowLog, WhoWasInASegmentIsLookedForForHalfAMinuteAtMost) {
  SlowLog log;
  TestEngine test(default_rows(), kRandomNow, &log);
  const char* const everyone = R"({"where":"everyone"})";
  ASSERT_TRUE(test.engine().put_segment(pass<Permission::Define>(), "s", everyone));
  for (const char* const id : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(test.profiles({{{"profile_id", text(id)}}}));
  }
  log.slow_by = &test.clock();
  const auto asked = [&](std::uint64_t offset) {
    return test.engine().members_at(pass<Permission::Members>(), "s", {.offset = offset});
  };
  const auto late = asked(0);
  ASSERT_FALSE(late);
  EXPECT_EQ(ErrorCode::LimitExceeded, late.error().code) << late.error().message;
  const auto soon = asked(4);
  ASSERT_TRUE(soon) << soon.error().message;
  EXPECT_EQ(4U, soon->answer.members.count());
  log.slow_by = nullptr;
  const auto first = asked(0);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(0U, first->answer.members.count());
}

}  // namespace
}  // namespace muster::testing
