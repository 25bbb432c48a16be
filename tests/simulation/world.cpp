#include "tests/simulation/world.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/hash.h"
#include "storage/archive.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr TimeMs kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;

std::string hash_of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\n';
  return std::to_string(hash64(all));
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void write_at(const fs::path& file, std::uint64_t at, char byte) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

char read_at(const fs::path& file, std::uint64_t at) {
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  return static_cast<char>(stream.get());
}

}  // namespace

Sabotage sabotage_of(const std::string& word) {
  const std::array words{"", "early-ack", "drop-record", "skip-expiry", "bad-checksum"};
  const auto found = std::find(words.begin(), words.end(), word);
  CHECK(found != words.end());
  return static_cast<Sabotage>(found - words.begin());
}

World::World(std::uint64_t seed, Sabotage sabotage)
    : random_(seed),
      sabotage_(sabotage),
      test_(default_rows(), kRandomNow, &log_),
      known_(random_, default_rows()) {
  if (sabotage == Sabotage::EarlyAck) log_.acknowledge_early();
  test_.keep_checkpoints(checkpoints_);
  test_.suppress_with(*suppression_);
  // Without the batches behind them nothing stands in for damaged checkpoints, so those lives have
  // none of those.
  if (one_in(3)) {
    retention_ = one_in(2) ? 0 : kDay * (1 + random_.below(30));
    test_.retire_after(*retention_, one_in(2) ? archive_.path() / "raw" : fs::path());
  }
  if (one_in(3)) test_.keep_events_for(kDay * (1 + random_.below(400)));
  compacts_ = one_in(3);  // Those have none either.
  recover();
  load_everybody();
}

void World::load_everybody() {
  const Status loaded = test_.load(known_.people(), Declare::Everything, 25);
  if (!loaded) broken("the first load: " + loaded.error().message);
}

void World::broken(const std::string& sentence) {
  note("BROKEN " + sentence);
  if (broken_.empty()) broken_ = sentence;
}

std::string World::live(int steps) {
  for (int at = 0; at < steps && broken_.empty(); ++at) {
    step();
    if (broken_.empty()) ask();
  }
  if (broken_.empty()) restart();
  for (int i = 0; i < 3 && broken_.empty(); ++i) ask();
  if (broken_.empty()) compare_with_whole_log();
  return broken_;
}

void World::step() {
  switch (random_.below(12)) {
    case 0: return move_clock();
    case 1: return take_checkpoint();
    case 2: return restart();
    case 3: return full_disk();
    case 4: return repeat_an_old_one();
    case 5: return compacts_ ? compact() : change_something();
    default: change_something();
  }
}

void World::ask() {
  if (!broken_.empty()) return;  // There may be no engine to ask.
  const std::string text = known_.question();
  const auto members = test_.members(question(text));
  happened("questions");
  if (!members) return broken(text + ": " + members.error().message);
  note("ask " + text + " -> " + std::to_string(members->size()) + " " + hash_of(*members));
  const auto wanted = known_.members(text, now());
  if (wanted == *members) return;
  broken(text + ": " + std::to_string(members->size()) + " people, and there are " +
         std::to_string(wanted.size()));
}

// Mostly on, by minutes or by weeks; now and then back.
void World::move_clock() {
  const std::array<TimeMs, 4> units{kMinute, kHour, kDay, 30 * kDay};
  const TimeMs by = units[random_.below(4)] * (1 + random_.below(20));
  clock_ += one_in(4) ? -by : by;
  const bool is_skipped = sabotage_ == Sabotage::SkipExpiry && one_in(3);
  if (!is_skipped) test_.clock().set(clock_);
  engine().now();
  latest_ = now();
  happened("clock moves");
  note("clock " + std::to_string(clock_) + ", now " + std::to_string(latest_));
}

void World::take_checkpoint() {
  if (one_in(4)) log_.plan_replace(kEndingFates[random_.below(kEndingFates.size())]);
  const auto taken = test_.take_checkpoint();
  if (!taken) return broken("a checkpoint: " + taken.error().message);
  happened("checkpoints");
  tally_["batches retired"] += taken->retired;
  forget_events();
  note("checkpoint of " + std::to_string(taken->sequence) + ", " +
       std::to_string(taken->sections) + " sections, " + std::to_string(taken->retired) +
       " retired");
  if (!engine().health().read_only) return log_.plan_replace(Fate::Kept);
  happened("retirements under way");
  recover();
}

// As far as the engine has.
void World::forget_events() {
  const TimeMs since = engine().health().events_since;
  if (since == events_since_) return;
  if (since < events_since_) return broken("events are forgotten from before an earlier moment");
  happened("retentions of events");
  events_since_ = since;
  known_.forget_events(since);
  note("events since " + std::to_string(since));
}

void World::compact() {
  if (one_in(2)) log_.plan_replace(kEndingFates[random_.below(kEndingFates.size())]);
  const auto done = test_.compact_erased();
  if (engine().health().read_only) {
    happened("compactions under way");
    note("compaction under way");
    return recover();
  }
  if (!done) return broken("a compaction: " + done.error().message);
  log_.plan_replace(Fate::Kept);
  note("compacted " + std::to_string(done->lines) + " lines of " + std::to_string(done->people));
  happened("compactions");
  tally_["lines taken out"] += done->lines;
  expect_nobody_named();
}

// In no batch of the log, and in no record of an erasure.
void World::expect_nobody_named() {
  std::uint64_t sequence = 0;
  for (const std::string& bytes : log_.records()) {
    const std::string place = "record " + std::to_string(++sequence);
    const auto record = storage::decode(bytes);
    if (!record) return broken(place + ": " + record.error().message);
    const auto* const erasure = std::get_if<storage::Erasure>(&record->body);
    if (erasure != nullptr && !erasure->profile_id.empty()) return broken(place + " has a name");
    const auto* const batch = std::get_if<storage::DataBatch>(&record->body);
    if (batch == nullptr) continue;
    const auto rows =
        test_.spelling().decoder->decode({batch->format, batch->csv_header, batch->raw});
    for (const char* name : {"profile_id", "profile", "anonymous"}) {
      const index::Column* const ids = rows ? rows->column(name) : nullptr;
      for (const index::Cell& cell : ids == nullptr ? std::vector<index::Cell>{} : ids->cells) {
        if (cell.kind != index::CellKind::Text) continue;
        const std::string id(rows->text_of(cell));
        if (gone_.contains(id)) return broken(place + " has a row of " + id);
      }
    }
  }
}

// One of its files is gone, short, or has another bit.
void World::damage_checkpoint() {
  const auto files = files_of(checkpoints_.directory());
  if (files.empty()) return;
  const fs::path& file = files[random_.below(static_cast<std::uint32_t>(files.size()))];
  const std::uint64_t size = fs::file_size(file);
  const std::uint32_t kind = random_.below(3);
  const std::uint64_t at = size == 0 ? 0 : random_() % size;
  if (kind == 0 || size == 0) fs::remove(file);
  else if (kind == 1) fs::resize_file(file, at);
  else write_at(file, at, static_cast<char>(read_at(file, at) ^ 16));
  was_damaged_ = true;
  happened("damaged checkpoints");
  note("damaged " + file.filename().string() + " at " + std::to_string(at));
}

// A bit is another one, and the checksum says that it is right.
void World::forge_checkpoint() {
  const auto sequences = checkpoints_.sequences();
  if (sequences.empty()) return;
  const auto opened = checkpoints_.open(sequences[0]);
  if (!opened) return;
  storage::Manifest manifest = (*opened)->manifest();
  auto section = manifest.sections.begin();
  std::advance(section, random_.below(static_cast<std::uint32_t>(manifest.sections.size())));
  auto& [name, place] = *section;
  if (place.size == 0) return;
  const fs::path file = checkpoints_.blocks_file(place.file);
  const std::uint64_t at = place.offset + random_() % place.size;
  write_at(file, at, static_cast<char>(read_at(file, at) ^ 1));
  std::string bytes(place.size, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(place.offset));
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  place.hash = hash128(bytes);
  std::ofstream(checkpoints_.manifest_file(sequences[0]), std::ios::binary) << encode(manifest);
  note("forged " + name);
}

void World::restart() {
  if (sabotage_ == Sabotage::BadChecksum) forge_checkpoint();
  else if (!retention_ && !compacts_ && one_in(4)) damage_checkpoint();
  note("restart");
  recover();
}

void World::recover() {
  log_.crash();
  if (sabotage_ == Sabotage::DropRecord && log_.last_sequence() > 10 && one_in(2)) {
    log_.drop(1 + random_() % log_.last_sequence());
  }
  test_.clock().set(clock_);
  const Status started = test_.restart();
  happened("starts");
  if (!started) return broken("a start: " + started.error().message);
  for (const std::string& notice : test_.notices()) {
    const bool is_erasure = notice.find("have been erased again") != std::string::npos;
    if (was_damaged_ || is_erasure) continue;
    return broken("a start that had nothing to say said: " + notice);
  }
  // What was only asked, and never written, may be forgotten; what was written may not.
  const TimeMs given = engine().now();
  if (given < std::max(durable_now_, clock_) || given > now()) {
    return broken("now is " + std::to_string(given) + " after a start, and was " +
                  std::to_string(durable_now_));
  }
  latest_ = given;
  forget_events();
  note("started, now " + std::to_string(given));
}

// What the checkpoints and the changes since came to is what the whole log comes to.
void World::compare_with_whole_log() {
  const std::vector<std::string> all = log_.originals();
  if (fs::exists(archive_.path() / "raw")) {
    const auto put_back = storage::unarchive(log_, archive_.path() / "raw");
    if (!put_back) return broken("the archive: " + put_back.error().message);
    tally_["batches put back"] += put_back->records;
    const bool is_whole = compacts_ || log_.records() == all;
    if (!is_whole) return broken("the archive does not give back what left the log");
  }
  storage::MemoryLog originals(all);
  TestEngine replayed(default_rows(), clock_, &originals);
  const auto wanted = replayed.engine().fingerprint(pass<Permission::Admin>());
  const auto found = engine().fingerprint(pass<Permission::Admin>());
  if (!wanted || !found) return broken("no fingerprint can be taken");
  for (const auto& [name, hash] : *wanted) {
    const auto mine = found->find(name);
    if (mine == found->end() || mine->second != hash) {
      return broken("the whole log gives another " + name);
    }
  }
  if (found->size() != wanted->size()) return broken("the whole log gives fewer parts");
}

}  // namespace muster::testing
