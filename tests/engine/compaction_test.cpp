// After a compaction nothing on the disk names who was erased, and everybody else is as before.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "storage/archive.h"
#include "storage/checkpoint_store.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using engine::Base;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z
constexpr TimeMs kDay = 86'400'000;

// What must be gone: everything that was ever said of Ana.
const std::vector<std::string> kHers{"marked-ana", "ana.old@marked.example",
                                     "ana@marked.example", "Marked Street 7", "marked-note",
                                     "marked-search"};

Row person(const std::string& id, const std::string& email, const std::string& street) {
  return {{"profile_id", text(id)},
          {"email", text(email)},
          {"street", text(street)},
          {"plan", text("pro")}};
}

Row search_by(const std::string& email, const std::string& words) {
  return {{"email", text(email)},
          {"type", text("search")},
          {"ts", text("2024-06-14T12:00:00Z")},
          {"words", text(words)}};
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Compaction : public ::testing::Test {
 protected:
  Compaction() { test_.keep_checkpoints(checkpoints_); }
  void SetUp() override { restart(); }

  void restart() {
    auto opened = storage::Suppression::open(folder_.path() / "suppression");
    ASSERT_TRUE(opened) << opened.error().message;
    suppression_ = std::move(*opened);
    test_.suppress_with(*suppression_);
    const Status restarted = test_.restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
  }

  void fill() {
    ASSERT_TRUE(test_.declare(
        R"({"identifiers": {"email": {"normalise": "email"}},
            "events": {"profile": "email", "identifier": "email"}})"));
    // An event before its profile; an address that was given up; one that somebody else has now.
    ASSERT_TRUE(test_.events({search_by("ben@example.com", "shoes")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "ana.old@marked.example", "Marked Street 7"),
                                person("ben-2", "other@example.com", "Main Street 1")}));
    ASSERT_TRUE(test_.events({search_by("ana.old@marked.example", "marked-search one"),
                              search_by("other@example.com", "shoes")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "shared@example.com", "Marked Street 7")}));
    ASSERT_TRUE(test_.events({search_by("shared@example.com", "marked-search two")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "ana@marked.example", "Main Street 1")}));
    ASSERT_TRUE(test_.profiles({person("cem", "shared@example.com", "Side Street 2")}));
    ASSERT_TRUE(test_.events({search_by("shared@example.com", "hats"),
                              search_by("ana@marked.example", "marked-search three")}));
    // Rows that are refused name her too, and one of them says why.
    engine::IngestRequest refused{.bytes = "{\"profile_id\":\"marked-ana\",\"street\":\"marked-note"
                                           "\",\"street\":1}\n{\"profile_id\":\"dora\"}\n",
                                  .idempotency_key = "refused"};
    const auto taken = test_.engine().ingest(pass<Permission::Ingest>(), refused);
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_EQ(1U, taken->rejected);
    ASSERT_TRUE(test_.profiles({{{"profile_id", text("eve")},
                                 {"email", text("ana@marked.example")}}}));
    ASSERT_TRUE(test_.take_checkpoint());
  }

  void erase(const std::string& id) {
    const auto receipt = test_.engine().erase(pass<Permission::Define>(), id);
    ASSERT_TRUE(receipt) << receipt.error().message;
  }

  engine::CompactionReceipt compact() {
    const auto done = test_.compact_erased();
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return done ? *done : engine::CompactionReceipt{};
  }

  std::uint64_t count(const std::string& where) {
    const auto answer = test_.count(question(where));
    EXPECT_TRUE(answer) << where << ": " << (answer ? "" : answer.error().message);
    return answer ? *answer : ~0ULL;
  }

  // Where any of these texts stands: in which record, file or answer.
  std::vector<std::string> places_of(const std::vector<std::string>& texts) {
    std::vector<std::string> places;
    const auto look = [&](const std::string& where, const std::string& bytes) {
      for (const std::string& one : texts) {
        if (bytes.find(one) != std::string::npos) places.push_back(one + " in " + where);
      }
    };
    std::uint64_t number = 0;
    for (const std::string& record : test_.memory_log().records()) {
      const std::string where = "record " + std::to_string(++number);
      look(where, record);
      const auto decoded = storage::decode(record);
      EXPECT_TRUE(decoded) << where;
      if (const auto* batch = std::get_if<storage::DataBatch>(&decoded->body)) {
        look(where, batch->raw);
      }
    }
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      look(entry.path().filename(), bytes_of(entry.path()));
      if (entry.path().filename().string().starts_with("raw-")) look_in_archive(entry.path(), look);
    }
    for (const auto& row : test_.engine().rejected(pass<Permission::Query>(), 100)) {
      look("a rejected row", row.reason);
    }
    return places;
  }

  template <typename Look>
  void look_in_archive(const fs::path& file, const Look& look) {
    const auto one = [&](std::uint64_t sequence, std::string_view record) -> Status {
      const auto decoded = storage::decode(record);
      EXPECT_TRUE(decoded);
      look("archived record " + std::to_string(sequence),
           std::get<storage::DataBatch>(decoded->body).raw);
      return Ok{};
    };
    EXPECT_TRUE(storage::read_archive(file, one));
  }

  std::string raw_of(std::uint64_t record) {
    const auto decoded = storage::decode(test_.memory_log().records().at(record - 1));
    return std::get<storage::DataBatch>(decoded->body).raw;
  }

  std::map<std::string, Hash128> fingerprint() {
    const auto parts = test_.engine().fingerprint(pass<Permission::Admin>());
    EXPECT_TRUE(parts);
    return parts ? *parts : std::map<std::string, Hash128>{};
  }

  TemporaryFolder folder_;
  storage::CheckpointStore checkpoints_{folder_.path() / "checkpoints"};
  std::unique_ptr<storage::Suppression> suppression_;
  TestEngine test_{default_rows(), kNow};
};

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
  engine::IngestRequest refused{.bytes = "{\"profile_id\":\"marked-ana\",\"street\":\"marked-note"
                                         "\",\"street\":1}\n{\"profile_id\":\"dora\"}\n",
                                .idempotency_key = "refused"};
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

TEST_F(Compaction, ReachesIntoTheArchive) {
  test_.retire_after(kDay, folder_.path() / "archive");
  restart();
  fill();
  test_.clock().advance(3 * kDay);
  for (const char* id : {"x", "y"}) {
    ASSERT_TRUE(test_.profiles({person(id, std::string(id) + "@example.com", "Far Street")}));
    ASSERT_TRUE(test_.take_checkpoint());
  }
  erase("marked-ana");
  EXPECT_FALSE(places_of(kHers).empty());
  ASSERT_FALSE(fs::is_empty(folder_.path() / "archive"));
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
  // What is left can be put back.
  const auto put_back = storage::unarchive(test_.memory_log(), folder_.path() / "archive");
  ASSERT_TRUE(put_back) << put_back.error().message;
  EXPECT_GT(put_back->records, 5U);
  restart();
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

TEST_F(Compaction, SaysWhatItCannotReach) {
  test_.retire_after(kDay, folder_.path() / "archive");
  restart();
  fill();
  test_.clock().advance(3 * kDay);
  for (const char* id : {"x", "y"}) {
    ASSERT_TRUE(test_.profiles({person(id, std::string(id) + "@example.com", "Far Street")}));
    ASSERT_TRUE(test_.take_checkpoint());
  }
  erase("marked-ana");
  fs::rename(folder_.path() / "archive", folder_.path() / "away");
  const auto first = compact();
  EXPECT_EQ(0U, first.sequence);
  EXPECT_FALSE(first.unreachable.empty());
  restart();
  fs::remove_all(folder_.path() / "archive");
  fs::rename(folder_.path() / "away", folder_.path() / "archive");
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
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
  EXPECT_NE(std::string::npos, started.error().message.find("has lost the rows of people"));
}

// An exporter that keeps a body as long as it is told to.
TEST_F(Compaction, TakesPeopleOutOfOutcomes) {
  fill();
  const auto activate = pass<Permission::Activate>();
  ASSERT_TRUE(test_.engine().record_outcome(activate, "sync", {"sent marked-ana", "sent ben"}));
  erase("marked-ana");
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
