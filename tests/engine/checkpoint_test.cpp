// What a checkpoint gives back is what the whole log gives; damage is passed over, and said.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "storage/checkpoint_store.h"
#include "tests/support/random_people.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using engine::Permission;
using storage::CheckpointStore;
using storage::Manifest;

Row person(const std::string& id, std::int64_t number) {
  return {{"profile_id", PlainField{false, {id}}},
          {"n", PlainField{false, {Decimal{number, 0}}}}};
}

Row visit(const std::string& who, const std::string& id) {
  return event_row(who, PlainEvent{.id = id, .name = "visit", .time = kRandomNow - 1'000});
}

// An engine with everything in it that a checkpoint has to hold.
class Checkpoints : public ::testing::Test {
 protected:
  Checkpoints() {
    test_.keep_checkpoints(store_);
    EXPECT_TRUE(test_.restart());
  }

  void fill(Random& random) {
    const People people = random_people(random, {.people = 120});
    const Status loaded = test_.load(people, Declare::WhatCannotBeInferred, 31);
    ASSERT_TRUE(loaded) << loaded.error().message;
    engine::Engine& engine = test_.engine();
    const auto define = pass<Permission::Define>();
    ASSERT_TRUE(engine.put_segment(define, "all", R"({"where": "everyone"})"));
    ASSERT_TRUE(engine.put_segment(define, "all", R"({"where": "not everyone"})"));
    ASSERT_TRUE(engine.put_segment(define, "gone", R"({"where": "everyone"})"));
    ASSERT_TRUE(engine.delete_segment(define, "gone"));
    ASSERT_TRUE(engine.put_list(define, "some-people",
                                {.members = {people.people[1].id, "nobody"}}));
    erased_ = people.people[0].id;
    ASSERT_TRUE(engine.erase(define, erased_));
    ASSERT_TRUE(engine.record_outcome(pass<Permission::Activate>(), "sync a", {"one", "two"}));
    ASSERT_TRUE(engine.ingest(pass<Permission::Ingest>(), kept_request()));
    engine::IngestRequest staged{.bytes = test_.spelling().write({person("staged", 1)}),
                                 .replace_id = "refresh"};
    ASSERT_TRUE(engine.ingest(pass<Permission::Ingest>(), staged));
  }

  // One row is good, and one is about somebody who was erased.
  engine::IngestRequest kept_request() const {
    return {.bytes = test_.spelling().write({person("kept", 1), person(erased_, 1)}),
            .idempotency_key = "key"};
  }

  void take() {
    const auto taken = test_.take_checkpoint();
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_EQ(test_.engine().health().snapshot, taken->sequence);
  }

  Manifest manifest(const CheckpointStore& store) {
    const auto opened = store.open(store.sequences().at(0));
    EXPECT_TRUE(opened) << opened.error().message;
    return (*opened)->manifest();
  }

  // Holds what this engine is against one that read the whole log.
  void expect_as_replayed() {
    const TemporaryFolder folder;
    const CheckpointStore other(folder.path());
    TestEngine replayed(test_.spelling(), kRandomNow, &test_.memory_log());
    replayed.keep_checkpoints(other);
    ASSERT_TRUE(replayed.restart());
    const auto taken = replayed.take_checkpoint();
    ASSERT_TRUE(taken) << taken.error().message;
    take();
    const Manifest mine = manifest(store_), theirs = manifest(other);
    EXPECT_EQ(mine.record, theirs.record);
    std::uint64_t ids = 0, their_ids = 0;
    for (const auto& [name, place] : theirs.sections) {
      if (name.starts_with("event-ids/")) their_ids += place.size;
      if (name.starts_with("event-ids/")) continue;
      ASSERT_TRUE(mine.sections.contains(name)) << name;
      EXPECT_EQ(place.hash, mine.sections.at(name).hash) << name;
    }
    for (const auto& [name, place] : mine.sections) {
      if (name.starts_with("event-ids/")) ids += place.size;
      else EXPECT_TRUE(theirs.sections.contains(name)) << name;
    }
    EXPECT_EQ(their_ids, ids);
  }

  fs::path newest_manifest() { return store_.manifest_file(store_.sequences().at(0)); }

  TemporaryFolder folder_;
  CheckpointStore store_{folder_.path()};
  std::string erased_;
  TestEngine test_{default_rows(), kRandomNow};
};

void flip(const fs::path& file, std::uint64_t at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(stream.get());
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 4));
  ASSERT_TRUE(stream.good()) << file;
}

TEST_F(Checkpoints, GiveBackWhatTheWholeLogGives) {
  Random random;
  fill(random);
  take();
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  EXPECT_EQ(test_.engine().health().snapshot, test_.engine().health().checkpoint);
  // What comes now is put on top of what was read back.
  const People more = random_people(random, {.people = 60});
  ASSERT_TRUE(test_.profiles(profile_rows(more)));
  ASSERT_TRUE(test_.events({visit("staged", "v1"), visit("new", "v2"), visit("new", "v2")}));
  expect_as_replayed();
  ASSERT_TRUE(test_.restart());
  ASSERT_TRUE(test_.profiles({person("later", 7)}));
  expect_as_replayed();
}

TEST_F(Checkpoints, RememberRowsThatWait) {
  ASSERT_TRUE(test_.declare(R"({"unknown": "hold"})"));
  ASSERT_TRUE(test_.events({visit("waiting", "w1"), visit("waiting", "w2")}));
  take();
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(0U, test_.count(question("everyone")).value());
  ASSERT_TRUE(test_.profiles({person("waiting", 1)}));
  EXPECT_EQ(1U, test_.count(question("count(\"visit\") = 2")).value());
  expect_as_replayed();
}

TEST_F(Checkpoints, RememberARefreshThatIsNotComplete) {
  ASSERT_TRUE(test_.profiles({person("a", 1), person("b", 2)}));
  engine::IngestRequest part{.bytes = test_.spelling().write({person("a", 3)}),
                             .replace_id = "r"};
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), part));
  take();
  ASSERT_TRUE(test_.restart());
  part.bytes = test_.spelling().write({person("c", 4)});
  part.replace_last = true;
  part.force = true;
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), part));
  EXPECT_EQ((std::vector<std::string>{"a", "c"}), test_.members(question("n > 2")).value());
  EXPECT_EQ(2U, test_.count(question("everyone")).value());
  expect_as_replayed();
}

TEST_F(Checkpoints, RememberAnswersToIdempotencyKeysAndOutcomes) {
  Random random;
  fill(random);
  take();
  ASSERT_TRUE(test_.restart());
  const auto repeated = test_.engine().ingest(pass<Permission::Ingest>(), kept_request());
  ASSERT_TRUE(repeated) << repeated.error().message;
  EXPECT_TRUE(repeated->repeated);
  EXPECT_EQ(1U, repeated->rejected);
  std::vector<std::string> told;
  ASSERT_TRUE(test_.engine().outcomes(pass<Permission::Activate>(), "sync a",
                                      [&](std::string_view payload) -> Status {
                                        told.emplace_back(payload);
                                        return Ok{};
                                      }));
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), told);
  EXPECT_EQ(1U, test_.engine().rejected(pass<Permission::Query>(), 10).size());
}

// What only rejected rows had does not exist: a replay, which leaves them out, cannot know it.
TEST_F(Checkpoints, KnowNothingOfWhatWasRejected) {
  ASSERT_TRUE(test_.profiles({person("gone", 1), person("here", 1)}));
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "gone"));
  PlainEvent unknown{.id = "x1", .name = "brand new", .time = kRandomNow};
  PlainEvent known{.id = "x2", .name = "visit", .time = kRandomNow};
  known.properties["q"] = PlainField{false, {Decimal{1, 0}}};
  Row late = person("gone", 5);
  late.emplace_back("never seen", PlainField{false, {std::string("x")}});
  ASSERT_EQ(1U, test_.events({event_row("gone", unknown)})->rejected);
  ASSERT_EQ(1U, test_.events({event_row("gone", known), visit("here", "x3")})->rejected);
  ASSERT_EQ(1U, test_.profiles({late, person("here", 2)})->rejected);
  take();
  const Manifest live = manifest(store_);
  EXPECT_FALSE(live.sections.contains("event/brand%20new"));
  ASSERT_TRUE(test_.profiles({person("more", 3)}));
  expect_as_replayed();
}

// Found by a simulated life: a list that somebody had, and nobody has any more.
TEST_F(Checkpoints, RememberThatAListWentAwayAltogether) {
  Row with = person("a", 1), without = person("a", 2);
  with.emplace_back("colours", PlainField{true, {std::string("red"), std::string("blue")}});
  without.emplace_back("colours", std::nullopt);
  ASSERT_TRUE(test_.profiles({with}));
  ASSERT_TRUE(test_.profiles({without}));
  take();
  ASSERT_TRUE(test_.restart());
  ASSERT_TRUE(test_.profiles({person("b", 3)}));
  expect_as_replayed();
}

TEST_F(Checkpoints, WriteOnlyWhatIsNew) {
  Random random;
  fill(random);
  take();
  const auto nothing = test_.take_checkpoint();
  ASSERT_TRUE(nothing);
  EXPECT_EQ(0U, nothing->sections_written);
  ASSERT_TRUE(test_.profiles({person("one more", 1)}));
  const auto taken = test_.take_checkpoint();
  ASSERT_TRUE(taken);
  // Head, ids, who is live, the one attribute, what the engine keeps; perhaps the schema.
  EXPECT_GE(taken->sections, 50U);
  EXPECT_LE(taken->sections_written, 7U);
}

TEST_F(Checkpoints, KeepTwoAndNoFileThatNobodyNeeds) {
  for (int i = 0; i < 30; ++i) {
    std::vector<Row> rows;
    for (int row = 0; row < 50; ++row) rows.push_back(person("p" + std::to_string(row), i));
    ASSERT_TRUE(test_.profiles(rows));
    take();
  }
  EXPECT_EQ(2U, store_.sequences().size());
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(store_.directory())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  // Two manifests; a file of blocks is left behind once half of it is not pointed to any more.
  EXPECT_LE(files, 7U);
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  expect_as_replayed();
}

TEST_F(Checkpoints, ADamagedOneIsPassedOverAndNamed) {
  Random random;
  fill(random);
  take();
  ASSERT_TRUE(test_.profiles({person("second", 2)}));
  take();
  ASSERT_EQ(2U, store_.sequences().size());
  const std::string newest = std::to_string(store_.sequences()[0]);
  const Manifest whole = manifest(store_);
  for (const auto& [name, place] : whole.sections) {
    if (place.size == 0) continue;
    const fs::path file = store_.blocks_file(place.file);
    const std::uint64_t at = place.offset + random.below(static_cast<std::uint32_t>(place.size));
    flip(file, at);
    ASSERT_TRUE(test_.restart());
    ASSERT_GE(test_.notices().size(), 1U) << name;
    EXPECT_NE(std::string::npos, test_.notices()[0].find("record " + newest));
    EXPECT_NE(std::string::npos, test_.notices()[0].find(name)) << test_.notices()[0];
    EXPECT_NE(std::string::npos, test_.notices()[0].find(file.string())) << test_.notices()[0];
    EXPECT_EQ((std::vector<std::string>{"second"}), test_.members(question("n = 2")).value());
    flip(file, at);
  }
}

TEST_F(Checkpoints, TheSoundOneStaysWhenANewerOneIsDamaged) {
  ASSERT_TRUE(test_.profiles({person("a", 1)}));
  take();
  const std::uint64_t sound = store_.sequences()[0];
  ASSERT_TRUE(test_.profiles({person("b", 2)}));
  take();
  const auto place = manifest(store_).sections.at("profiles");
  flip(store_.blocks_file(place.file), place.offset);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(1U, test_.notices().size());
  ASSERT_TRUE(test_.profiles({person("c", 3)}));
  take();
  ASSERT_EQ(2U, store_.sequences().size());
  EXPECT_EQ(sound, store_.sequences()[1]);
  // Of the record of a damaged one, a new one is made.
  fs::resize_file(newest_manifest(), 9);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(sound, test_.engine().health().checkpoint);
  take();
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  expect_as_replayed();
}

TEST_F(Checkpoints, AManifestThatIsDamagedCutOrGoneIsPassedOver) {
  ASSERT_TRUE(test_.profiles({person("a", 1)}));
  take();
  ASSERT_TRUE(test_.profiles({person("b", 2)}));
  take();
  const fs::path file = newest_manifest();
  const auto size = fs::file_size(file);
  for (std::uint64_t at = 0; at < size; at += 7) {
    flip(file, at);
    ASSERT_TRUE(test_.restart());
    EXPECT_EQ(1U, test_.notices().size()) << at;
    EXPECT_EQ(2U, test_.count(question("everyone")).value());
    EXPECT_LT(test_.engine().health().checkpoint, test_.engine().health().snapshot);
    flip(file, at);
  }
  for (const auto& entry : fs::directory_iterator(store_.directory())) {
    if (entry.path().filename().string().starts_with("blocks-")) fs::resize_file(entry.path(), 3);
  }
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(2U, test_.notices().size());
  EXPECT_EQ(2U, test_.count(question("everyone")).value());
  fs::resize_file(file, size / 2);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(2U, test_.count(question("everyone")).value());
  // The next checkpoint goes on from the log, and clears away what nobody can read.
  ASSERT_TRUE(test_.profiles({person("c", 3)}));
  take();
  EXPECT_EQ(1U, store_.sequences().size());
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  expect_as_replayed();
}

TEST_F(Checkpoints, OfAnotherLogIsPassedOver) {
  ASSERT_TRUE(test_.profiles({person("a", 1)}));
  take();
  TestEngine other(default_rows(), kRandomNow);
  ASSERT_TRUE(other.profiles({person("x", 1)}));
  other.keep_checkpoints(store_);
  ASSERT_TRUE(other.restart());
  ASSERT_EQ(1U, other.notices().size());
  EXPECT_NE(std::string::npos, other.notices()[0].find("not of this log"));
  EXPECT_EQ((std::vector<std::string>{"x"}), other.members(question("everyone")).value());
}

TEST_F(Checkpoints, FailWithoutHarmAndGoOnOnceTheyCan) {
  ASSERT_TRUE(test_.events({visit("a", "e1")}));
  std::ofstream(store_.directory()) << "in the way";
  const auto failed = test_.take_checkpoint();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, test_.engine().health().checkpoint_failure);
  ASSERT_TRUE(test_.events({visit("a", "e2")}));
  fs::remove(store_.directory());
  take();
  EXPECT_EQ("", test_.engine().health().checkpoint_failure);
  ASSERT_TRUE(test_.restart());
  const auto again = test_.events({visit("a", "e1"), visit("a", "e2"), visit("a", "e3")});
  ASSERT_TRUE(again);
  EXPECT_EQ(2U, again->skipped);  // The ids of the time in between were not forgotten.
  expect_as_replayed();
}

// Rows, questions and checkpoints at once: also for TSan.
TEST_F(Checkpoints, AreTakenBesideReadersAndTheWriter) {
  constexpr int kBatches = 40;
  ASSERT_TRUE(test_.profiles({person("first", 0)}));
  ASSERT_TRUE(test_.events({visit("first", "v")}));
  std::atomic<bool> done = false;
  std::jthread taking([&] {
    while (!done) EXPECT_TRUE(test_.take_checkpoint());
  });
  std::jthread asking([&] {
    while (!done) EXPECT_TRUE(test_.count(question("n >= 3 and did \"visit\"")));
  });
  for (int i = 0; i < kBatches; ++i) {
    const std::string id = "p" + std::to_string(i);
    ASSERT_TRUE(test_.profiles({person(id, i)}));
    ASSERT_TRUE(test_.events({visit(id, "v" + std::to_string(i))}));
  }
  done = true;
  taking.join();
  asking.join();
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  EXPECT_EQ(kBatches + 1U, test_.count(question("did \"visit\"")).value());
  expect_as_replayed();
}

}  // namespace
}  // namespace muster::testing
