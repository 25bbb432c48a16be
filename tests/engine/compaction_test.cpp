// After a compaction nothing on the disk names who was erased, and everybody else is as before.
#include <sstream>
#include <thread>

#include "tests/engine/compaction_world.h"
#include "tests/support/tight_log.h"

namespace muster::testing {
namespace {

using engine::Base;
using engine::Permission;

class Compaction : public CompactionWorld {};

TEST_F(Compaction, LeavesNothingOfWhoWasErased) {
  fill();
  const std::uint64_t others = count("everyone") - 1;
  erase("marked-ana");
  EXPECT_FALSE(places_of(kHers).empty());
  const auto done = compact();
  EXPECT_EQ(1U, done.people);
  EXPECT_GT(done.lines, 7U);
  EXPECT_NE(0U, done.sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
  for (int life = 0; life < 3; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ(others, count("everyone"));
    EXPECT_EQ(1U, count("did \"search\" where (words = \"hats\")"));
    EXPECT_EQ(0U, count("street = \"Marked Street 7\""));
    EXPECT_EQ(1U, count("street = \"Main Street 1\""));
    const auto before = fingerprint();
    test_.start_from(life == 1 ? Base::OldestCheckpoint : Base::NewestCheckpoint);
    restart();
    EXPECT_EQ(before, fingerprint());
  }
  // There is nothing more to do.
  EXPECT_EQ(0U, compact().sequence);
}

TEST_F(Compaction, KeepsWhatOthersSaidAsItWas) {
  fill();
  erase("marked-ana");
  std::vector<std::string> before;
  for (const std::string& record : test_.memory_log().records()) before.push_back(record);
  compact();
  const auto after = test_.memory_log().records();
  std::size_t changed = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto was = storage::decode(before[i]).value();
    const auto* batch = std::get_if<storage::DataBatch>(&was.body);
    if (after[i] == before[i] || batch == nullptr) continue;
    ++changed;
    // Lines keep their numbers; only hers are blank.
    std::istringstream old_lines(batch->raw), new_lines(raw_of(i + 1));
    for (std::string old_line, new_line; std::getline(old_lines, old_line);) {
      ASSERT_TRUE(std::getline(new_lines, new_line));
      EXPECT_EQ(new_line.empty() ? "" : old_line, new_line);
    }
  }
  EXPECT_GT(changed, 5U);
  // The event with the address that she gave up, sent when it was somebody else's, is there.
  bool has_hats = false;
  for (std::uint64_t i = 1; i <= after.size(); ++i) {
    const auto record = storage::decode(after[i - 1]).value();
    if (std::holds_alternative<storage::DataBatch>(record.body)) {
      has_hats = has_hats || raw_of(i).find("hats") != std::string::npos;
    }
  }
  EXPECT_TRUE(has_hats);
}

TEST_F(Compaction, TheSameRequestIsStillTheSame) {
  fill();
  erase("marked-ana");
  compact();
  const engine::IngestRequest refused = refused_request();
  for (int life = 0; life < 2; ++life) {
    const auto again = test_.engine().ingest(pass<Permission::Ingest>(), refused);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ("was about a profile that was erased", again->errors.at(0).reason);
    restart();
  }
}

// What comes later about them is refused, and its text is not kept either.
TEST_F(Compaction, LateRowsLeaveNothingFromTheStart) {
  fill();
  erase("marked-ana");
  compact();
  engine::IngestRequest late{.bytes = test_.spelling().write(
                                 {person("marked-ana", "ana@marked.example", "marked-note"),
                                  person("dora", "d@example.com", "Low Street 9")}),
                             .idempotency_key = "late"};
  const auto taken = test_.engine().ingest(pass<Permission::Ingest>(), late);
  ASSERT_TRUE(taken);
  EXPECT_EQ(1U, taken->accepted);
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "marked-search again")}));
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
  for (int life = 0; life < 2; ++life) {
    const auto again = test_.engine().ingest(pass<Permission::Ingest>(), late);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ("is about a profile that was erased; it is not taken in again",
              again->errors.at(0).reason);
    EXPECT_EQ(1U, count("street = \"Low Street 9\""));
    const auto before = fingerprint();
    restart();
    EXPECT_EQ(before, fingerprint());
  }
}

TEST_F(Compaction, OfEachErasureAlone) {
  fill();
  erase("marked-ana");
  compact();
  const auto parts = fingerprint();
  erase("cem");
  const auto second = compact();
  EXPECT_EQ(1U, second.people);
  EXPECT_EQ(std::vector<std::string>{},
            places_of({"marked-ana", "\"cem\"", "Side Street 2", "\"hats\""}));
  EXPECT_EQ(0U, count("did \"search\" where (words = \"hats\")"));
  restart();
  EXPECT_NE(parts, fingerprint());
  // An address of nobody may be somebody's again, but hers may not.
  ASSERT_TRUE(test_.profiles({person("fay", "f@example.com", "Side Street 2")}));
  EXPECT_EQ(1U, count("street = \"Side Street 2\""));
  const auto live = fingerprint();
  restart();
  EXPECT_EQ(live, fingerprint());
}

// A state made anew from such a log would lack what others sent with it: it is refused, by name.
TEST_F(Compaction, IsNotForgottenWithoutCheckpoints) {
  fill();
  erase("marked-ana");
  compact();
  test_.start_from(Base::Nothing);
  const Status started = test_.restart();
  ASSERT_FALSE(started);
  EXPECT_EQ(ErrorCode::NotFound, started.error().code);
  EXPECT_NE(std::string::npos, started.error().message.find("has lost what it said of people"));
}

// A claim that was refused, and an address that was given up, are somebody else's.
TEST_F(Compaction, LeavesOthersWhoHadTheSameAddress) {
  ASSERT_TRUE(test_.declare(
      R"({"identifiers": {"email": {"normalise": "email"}},
          "events": {"profile": "email", "identifier": "email"}})"));
  ASSERT_TRUE(test_.events({search_by("first@example.com", "of-another one")}));
  const auto refused =
      test_.profiles({person("marked-ana", "first@example.com", "Marked Street 7")});
  ASSERT_TRUE(refused);
  ASSERT_EQ(1U, refused->rejected);
  ASSERT_TRUE(test_.profiles({person("marked-ana", "ana@marked.example", "Marked Street 7")}));
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "marked-search one")}));
  ASSERT_TRUE(test_.profiles({person("marked-ana", "ana.old@marked.example", "Low Street")}));
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "of-another two"),
                            search_by("first@example.com", "of-another three"),
                            search_by("ana.old@marked.example", "marked-search two")}));
  erase("marked-ana");
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{},
            places_of({"marked-ana", "marked-search", "Marked Street 7", "ana.old@"}));
  for (const std::string word : {"of-another one", "of-another two", "of-another three"}) {
    EXPECT_FALSE(places_of({word}).empty()) << word;
  }
}

// What the log says after lines were taken out is what was applied, down to the order of columns.
TEST_F(Compaction, RefusedRowsLeaveNoTraceInTheState) {
  fill();
  erase("marked-ana");
  const auto buy = [](const std::string& email, const char* first, const char* second) {
    return Row{{"email", text(email)},
               {"type", text("buy")},
               {"ts", text("2024-06-14T12:00:00Z")},
               {first, text("1")},
               {second, text("2")}};
  };
  const auto taken = test_.events({buy("ana@marked.example", "b", "a"),
                                   buy("cem@example.com", "a", "b")});
  ASSERT_TRUE(taken);
  ASSERT_EQ(1U, taken->accepted);
  const auto live = fingerprint();
  test_.start_from(Base::Nothing);
  restart();
  EXPECT_EQ(live, fingerprint());
}

// Whatever else is wrong with a late row: it is not kept.
TEST_F(Compaction, LateRowsWithOtherFaultsLeaveNothingEither) {
  fill();
  erase("marked-ana");
  compact();
  const auto taken = test_.events({{{"email", text("ana@marked.example")},
                                    {"type", text("buy")},
                                    {"ts", text("marked-note")}}});
  ASSERT_TRUE(taken);
  ASSERT_EQ(1U, taken->rejected);
  EXPECT_EQ("is about a profile that was erased; it is not taken in again",
            taken->errors.at(0).reason);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

// A full disk is said, and nothing is lost by it.
TEST_F(Compaction, WaitsForRoom) {
  storage::MemoryLog memory;
  TightLog log(memory);
  TestEngine tight(default_rows(), kNow, &log);
  tight.keep_checkpoints(checkpoints_);
  tight.suppress_with(*suppression_);
  ASSERT_TRUE(tight.restart());
  ASSERT_TRUE(tight.profiles({person("marked-ana", "ana@marked.example", "Marked Street 7")}));
  ASSERT_TRUE(tight.engine().erase(pass<Permission::Define>(), "marked-ana"));
  log.room = 6U << 20;  // Enough for a small change.
  const auto refused = tight.compact_erased();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::StorageFull, refused.error().code);
  EXPECT_FALSE(tight.engine().health().read_only);
  ASSERT_TRUE(tight.engine().put_segment(pass<Permission::Define>(), "all",
                                         R"({"where": "everyone"})"));
  log.room = ~0ULL;
  const auto done = tight.compact_erased();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_NE(0U, done->sequence);
  EXPECT_EQ(1U, done->lines);
}

// An exporter that keeps a body as long as it is told to.
TEST_F(Compaction, TakesPeopleOutOfOutcomes) {
  fill();
  const auto activate = pass<Permission::Activate>();
  ASSERT_TRUE(test_.engine().record_outcome(activate, "sync", {"sent marked-ana", "sent ben"}));
  erase("marked-ana");
  EXPECT_EQ(1U, compact().needed);  // Nobody can say what is in them.
  bool is_told = false;
  const auto set_eraser = [&] {
    test_.engine().erase_outcomes_with([&](const index::Bitmap& erased) {
      EXPECT_EQ(1U, erased.count());
      return [&](const std::string& stream, std::string_view payload) {
        EXPECT_EQ("sync", stream);
        engine::ErasedOutcome done;
        if (payload != "sent marked-ana") return Result<engine::ErasedOutcome>(done);
        if (is_told) done.payload = "sent nobody";
        else done.is_needed = true;
        return Result<engine::ErasedOutcome>(done);
      };
    });
  };
  set_eraser();
  const auto first = compact();
  EXPECT_EQ(1U, first.needed);
  EXPECT_EQ(0U, first.sequence);
  EXPECT_EQ(1U, places_of(kHers).size());  // The one outcome.
  restart();
  set_eraser();
  is_told = true;
  const auto second = compact();
  EXPECT_EQ(1U, second.outcomes);
  EXPECT_NE(0U, second.sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

TEST_F(Compaction, ComesByItselfWithinADay) {
  test_.keep_up(1U << 30);
  restart();
  fill();
  erase("marked-ana");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(places_of(kHers).empty());
  test_.clock().advance(kDay);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!places_of(kHers).empty() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

}  // namespace
}  // namespace muster::testing
