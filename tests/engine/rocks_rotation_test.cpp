// Data keys are replaced beside everything else: behind it no file is to be read with an old one,
// and a kill at any place loses nothing and is gone on from.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/inspect.h"
#include "storage/person_keys.h"
#include "storage/rocks_log.h"
#include "storage/suppression.h"
#include "tests/support/random_people.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using engine::Permission;
using engine::RotationPhase;
using engine::RotationState;
using storage::Keyring;

const std::string kKey(32, 'k'), kOther(32, 'o');

struct Lasting {
  fs::path data, archive;
  std::string key = kKey;
  std::function<void(const std::string& step)> behind_step = {};
};

// One process: everything of it, on a directory.
class Life {
 public:
  explicit Life(Lasting where) : where_(std::move(where)) {}

  Status start() {
    const fs::path file = where_.data / "keyring";
    if (fs::exists(file)) {
      TRY_ASSIGN(ring_, Keyring::open(file, where_.key));
    } else {
      TRY_ASSIGN(ring_, Keyring::make(where_.key));
    }
    ring_->live_in(file, [this]() -> Result<std::string> { return where_.key; });
    TRY_ASSIGN(log_, storage::RocksLog::open(where_.data,
                                             {.keys = ring_, .memtable_bytes = 64U << 10}));
    TRY_ASSIGN(people_, storage::PersonKeys::open(where_.data / "person-keys", *ring_,
                                                  storage::LogAccess::ReadWrite));
    store_.emplace(where_.data, ring_, people_);
    const engine::Parts parts{.log = log_.get(),
                              .clock = &clock_,
                              .decoder = default_rows().decoder,
                              .checkpoints = &*store_,
                              .checkpoint_bytes = 0,
                              .raw_retention = TimeMs{0},
                              .raw_archive = where_.archive,
                              .keyring = ring_.get(),
                              .behind_rotation_step = where_.behind_step,
                              .notice = [this](const std::string& notice) {
                                const std::lock_guard held(mutex_);
                                notices_.push_back(notice);
                              }};
    TRY_ASSIGN(engine_, engine::Engine::open(parts));
    return Ok{};
  }

  // `people` of them, in a few batches, half of which go to the archive.
  void fill(int people) {
    for (int i = 0; i < people; ++i) {
      add_person();
      clock_.advance(1'000);
      if (i % (people / 4 + 1) != 0) continue;
      EXPECT_TRUE(take_checkpoint());
    }
  }
  void add_person() {
    const Row row{{"profile_id", text("person-" + std::to_string(count()))},
                  {"note", text(std::string(2'000, 'x'))}};
    const auto taken = engine_->ingest(
        pass<Permission::Ingest>(),
        {.table = storage::TableKind::Profiles, .bytes = default_rows().write({row})});
    EXPECT_TRUE(taken) << taken.error().message;
  }
  std::uint64_t count() {
    const auto counted = engine_->count(pass<Permission::Query>(), question("everyone"));
    EXPECT_TRUE(counted);
    return counted ? counted->count : 0;
  }
  Result<engine::CheckpointReceipt> take_checkpoint() {
    return engine_->take_checkpoint(pass<Permission::Admin>());
  }
  Result<RotationState> rotate() { return engine_->rotate_keys(pass<Permission::Admin>()); }
  RotationState rotated() {
    engine_->wait_for_key_rotation();
    const auto state = engine_->key_rotation(pass<Permission::Admin>());
    EXPECT_TRUE(state) << state.error().message;
    return state ? *state : RotationState{};
  }
  std::vector<std::string> records() {
    std::vector<std::string> all;
    EXPECT_TRUE(log_->read(1, [&](std::uint64_t, std::string_view record) -> Status {
      all.emplace_back(record);
      return Ok{};
    }));
    return all;
  }
  std::vector<std::string> notices() {
    const std::lock_guard held(mutex_);
    return notices_;
  }
  Keyring& ring() { return *ring_; }
  engine::Engine& engine() { return *engine_; }

 private:
  const Lasting where_;
  ManualClock clock_{kRandomNow};
  std::shared_ptr<Keyring> ring_;
  std::unique_ptr<storage::RocksLog> log_;
  std::shared_ptr<storage::PersonKeys> people_;
  std::optional<storage::CheckpointStore> store_;
  std::mutex mutex_;  // Guards notices_.
  std::vector<std::string> notices_;
  std::unique_ptr<engine::Engine> engine_;
};

class Rotation : public ::testing::Test {
 protected:
  Lasting here() const { return {folder_.path() / "data", folder_.path() / "archive"}; }

  // Numbers of the keys that files stand under.
  static std::set<std::uint32_t> used(const Lasting& where) {
    std::set<std::uint32_t> numbers;
    const auto files = storage::keyed_files(where.data, where.archive);
    EXPECT_TRUE(files);
    for (const auto& file : *files) numbers.insert(file.number);
    return numbers;
  }
  // What a killed process leaves.
  void copy_to(const fs::path& to, const Lasting& from) const {
    fs::create_directories(to);
    fs::copy(from.data, to / "data", fs::copy_options::recursive);
    if (fs::exists(from.archive)) fs::copy(from.archive, to / "archive");
  }

  TemporaryFolder folder_;
};

TEST_F(Rotation, NothingIsToBeReadWithTheOldKeyAndAllIsThere) {
  Life life(here());
  ASSERT_TRUE(life.start());
  life.fill(300);
  const auto before = life.records();
  fs::copy(here().data / "keyring", folder_.path() / "old");
  EXPECT_EQ(std::set<std::uint32_t>{1}, used(here()));
  const auto begun = life.rotate();
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(2U, begun->newest);
  const RotationState state = life.rotated();
  EXPECT_EQ(RotationPhase::Idle, state.phase) << state.failure;
  EXPECT_TRUE(state.unreachable.empty()) << state.unreachable.front();
  EXPECT_EQ(1U, state.keys.size());
  EXPECT_EQ(std::vector<std::uint32_t>{2}, life.ring().numbers());
  EXPECT_EQ(std::set<std::uint32_t>{2}, used(here()));
  const auto after = life.records();
  ASSERT_LE(before.size(), after.size());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));

  const auto old = Keyring::open(folder_.path() / "old", kKey);
  ASSERT_TRUE(old);
  const auto files = storage::keyed_files(here().data, here().archive);
  ASSERT_GT(files->size(), 8U);
  for (const storage::KeyedFile& file : *files) {
    std::string head(storage::kCipherHeadBytes, '\0');
    std::ifstream(file.path).read(head.data(), storage::kCipherHeadBytes);
    EXPECT_FALSE((*old)->file_of(head)) << file.path;
  }
  for (const auto& [name, use] : {std::pair("person-keys", storage::SlotUse::People),
                                  std::pair("batch-keys", storage::SlotUse::Batches)}) {
    const fs::path slots = here().data / name;
    EXPECT_FALSE(storage::KeySlots::open(slots, use, **old, storage::LogAccess::ReadOnly)) << name;
    EXPECT_TRUE(storage::KeySlots::open(slots, use, life.ring(), storage::LogAccess::ReadOnly));
  }
}

TEST_F(Rotation, RowsAndQuestionsGoOn) {
  Life life(here());
  ASSERT_TRUE(life.start());
  life.fill(100);
  ASSERT_TRUE(life.rotate());
  std::uint64_t added = 0;
  for (; added < 500 && life.engine().key_rotation(pass<Permission::Admin>())->phase ==
                            RotationPhase::Running; ++added) {
    life.add_person();
  }
  EXPECT_GT(added, 0U);
  const RotationState state = life.rotated();
  EXPECT_EQ(RotationPhase::Idle, state.phase) << state.failure;
  EXPECT_EQ(100 + added, life.count());
  EXPECT_EQ(std::set<std::uint32_t>{2}, used(here()));
}

TEST_F(Rotation, ASecondIsRefusedWhileOneRuns) {
  std::atomic<bool> go_on = false;
  Lasting where = here();
  where.behind_step = [&](const std::string&) {
    while (!go_on) std::this_thread::yield();
  };
  Life life(where);
  ASSERT_TRUE(life.start());
  life.fill(10);
  ASSERT_TRUE(life.rotate());
  const auto second = life.rotate();
  go_on = true;
  ASSERT_FALSE(second);
  EXPECT_EQ(ErrorCode::Conflict, second.error().code);
  EXPECT_EQ(2U, life.rotated().newest);
  ASSERT_TRUE(life.rotate());
  EXPECT_EQ(3U, life.rotated().newest);
  EXPECT_EQ(std::set<std::uint32_t>{3}, used(where));
}

TEST_F(Rotation, AKillBehindEachStepLosesNothing) {
  std::vector<std::string> steps;
  Lasting where = here();
  where.behind_step = [&](const std::string& step) {
    steps.push_back(step);
    copy_to(folder_.path() / ("behind-" + std::to_string(steps.size())), where);
  };
  std::uint64_t people = 0;
  {
    Life life(where);
    ASSERT_TRUE(life.start());
    life.fill(200);
    people = life.count();
    ASSERT_TRUE(life.ring().add_key());
    copy_to(folder_.path() / "behind-0", where);  // It has the key, and nothing else.
    ASSERT_TRUE(life.rotate());
    EXPECT_EQ(RotationPhase::Idle, life.rotated().phase);
  }
  EXPECT_EQ((std::vector<std::string>{"log", "checkpoints", "person-keys", "archive", "keys"}),
            steps);
  for (std::size_t i = 0; i <= steps.size(); ++i) {
    SCOPED_TRACE(i);
    const fs::path copy = folder_.path() / ("behind-" + std::to_string(i));
    const Lasting there{copy / "data", copy / "archive"};
    Life life(there);
    const Status started = life.start();
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(people, life.count());
    // By itself, and without another key.
    const RotationState state = life.rotated();
    EXPECT_EQ(RotationPhase::Idle, state.phase) << state.failure;
    EXPECT_EQ(i == 0 ? 2U : 3U, state.newest);
    EXPECT_EQ(1U, state.keys.size());
    EXPECT_EQ(std::set<std::uint32_t>{state.newest}, used(there));
    life.add_person();
    EXPECT_EQ(people + 1, life.count());
  }
}

TEST_F(Rotation, AFileThatCannotBeReachedKeepsTheKeysAndIsNamed) {
  Life life(here());
  ASSERT_TRUE(life.start());
  life.fill(100);
  const fs::path away = folder_.path() / "away";
  fs::rename(here().archive, away);
  ASSERT_TRUE(life.rotate());
  RotationState state = life.rotated();
  EXPECT_EQ(RotationPhase::Idle, state.phase) << state.failure;
  ASSERT_FALSE(state.unreachable.empty());
  EXPECT_NE(std::string::npos, state.unreachable.front().find("raw-"));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2}), life.ring().numbers());
  fs::rename(away, here().archive);
  ASSERT_TRUE(life.rotate());
  state = life.rotated();
  EXPECT_TRUE(state.unreachable.empty());
  EXPECT_EQ(std::vector<std::uint32_t>{3}, life.ring().numbers());
}

TEST_F(Rotation, AnotherKeyEncryptionKeyMeanwhileIsAskedForOrSaid) {
  Lasting where = here();
  Life life(where);
  ASSERT_TRUE(life.start());
  life.fill(10);
  ASSERT_TRUE((*Keyring::open(where.data / "keyring", kKey))
                  ->write_sealed_with(where.data / "keyring", kOther));
  const auto refused = life.rotate();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::PermissionDenied, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("start it again with that one"));
  life.ring().live_in(where.data / "keyring", []() -> Result<std::string> { return kOther; });
  ASSERT_TRUE(life.rotate());
  EXPECT_EQ(RotationPhase::Idle, life.rotated().phase);
  EXPECT_FALSE(Keyring::open(where.data / "keyring", kKey));
  EXPECT_EQ(std::vector<std::uint32_t>{2},
            Keyring::open(where.data / "keyring", kOther).value()->numbers());
}

TEST_F(Rotation, ABackupThatIsTakenMeanwhileCanBeRestored) {
  Lasting where = here();
  std::vector<fs::path> backups;
  // Opened as another process does, before the rotation.
  std::shared_ptr<Keyring> early;
  where.behind_step = [&](const std::string& step) {
    const fs::path to = folder_.path() / ("backup-" + step), keys = folder_.path() / "keys";
    const storage::CopyRequest request{.from = where.data, .to = to, .keys_from = where.data,
                                       .keys_to = keys, .from_ring = early, .to_ring = early,
                                       .keyring_apart = true};
    const auto copied = storage::copy_store(request);
    EXPECT_TRUE(copied) << copied.error().message;
    backups.push_back(to);
  };
  Life life(where);
  ASSERT_TRUE(life.start());
  life.fill(50);
  early = Keyring::open(where.data / "keyring", kKey).value();
  early->live_in(where.data / "keyring", {});
  ASSERT_TRUE(life.rotate());
  EXPECT_EQ(RotationPhase::Idle, life.rotated().phase);
  ASSERT_EQ(5U, backups.size());
  const fs::path keys = folder_.path() / "keys";
  // By a process that was started since, and knows the newest key alone.
  const auto late = Keyring::open(where.data / "keyring", kKey);
  ASSERT_TRUE(late);
  const auto again = storage::copy_store({.from = where.data, .to = folder_.path() / "late",
                                          .keys_from = where.data, .keys_to = keys,
                                          .from_ring = *late, .to_ring = *late,
                                          .keyring_apart = true});
  ASSERT_TRUE(again) << again.error().message;
  backups.push_back(folder_.path() / "late");
  const auto ring = Keyring::open(keys / "keyring", kKey);
  ASSERT_TRUE(ring);
  for (const fs::path& backup : backups) {
    const fs::path restored = backup.string() + "-restored";
    const auto put_back = storage::copy_store({.from = backup, .to = restored, .keys_from = keys,
                                               .keys_to = restored, .from_ring = *ring,
                                               .to_ring = *ring, .needs_suppression = true});
    ASSERT_TRUE(put_back) << put_back.error().message;
    const auto report = storage::inspect(restored, storage::InspectForm::Text, *ring);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->sound) << report->report;
  }
}

TEST_F(Rotation, PlainDataHaveNone) {
  TestEngine plain(default_rows(), kRandomNow);
  const auto refused = plain.engine().rotate_keys(pass<Permission::Admin>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::Unsupported, refused.error().code);
  EXPECT_TRUE(plain.engine().key_rotation(pass<Permission::Admin>())->keys.empty());
}

}  // namespace
}  // namespace muster::testing
