#include "engine/checkpoints.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "storage/person_keys.h"

namespace muster::engine {

using storage::Checkpoint;

Result<EngineImage> Checkpoints::read(const Checkpoint& checkpoint, unsigned threads,
                                      const std::function<void(double)>& progress) const {
  const storage::Manifest& manifest = checkpoint.manifest();
  TRY_ASSIGN(const std::string record, storage::record_at(log_, manifest.sequence));
  if (hash128(record) != manifest.record) {
    return Error{ErrorCode::Corrupt, "it is not of this log: record " +
                                         std::to_string(manifest.sequence) + " is another"};
  }
  EngineImage image;
  image.sequence = manifest.sequence;
  TRY_ASSIGN(image.writer, index::WriterImage::read(checkpoint, threads, progress,
                                                    store_.person_keys()));
  return image;
}

Result<std::optional<EngineImage>> Checkpoints::restore(
    Base base, unsigned threads, const std::function<void(double)>& progress,
    const std::function<Status(std::string_view engine)>& accept) {
  const std::lock_guard held(mutex_);
  std::vector<std::uint64_t> sequences = store_.sequences();
  if (base == Base::OldestCheckpoint) std::reverse(sequences.begin(), sequences.end());
  for (const std::uint64_t sequence : sequences) {
    const auto told = [&](const Error& error) {
      notice_("the checkpoint of record " + std::to_string(sequence) +
              " is passed over: " + error.message);
    };
    if (sequence > log_.last_sequence()) {
      told({ErrorCode::Corrupt, "the log ends before it"});
      continue;
    }
    auto checkpoint = store_.open(sequence);
    if (!checkpoint) {
      told(checkpoint.error());
      continue;
    }
    auto image = read(**checkpoint, threads, progress);
    if (!image) {
      told(image.error());
      continue;
    }
    const auto engine = (*checkpoint)->read("engine");
    if (const Status accepted = engine ? accept(*engine) : engine.error(); !accepted) {
      told(accepted.error());
      continue;
    }
    before_ = std::move(*checkpoint);
    id_runs_ = IdRuns::of(*before_);
    newest_ = sequence;
    return std::optional(std::move(*image));
  }
  passed_all_over_ = !sequences.empty();
  return std::optional<EngineImage>();
}

Status Checkpoints::check_kept(const std::stop_token& stop) {
  const std::lock_guard held(mutex_);
  // By where they stand: the two share most of them.
  std::set<std::pair<std::uint64_t, std::uint64_t>> read;
  const auto check = [&](const Checkpoint& checkpoint) -> Status {
    for (const auto& [name, place] : checkpoint.manifest().sections) {
      if (!read.emplace(place.file, place.offset).second && place.size != 0) continue;
      if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
      TRY(checkpoint.read(name));
    }
    return Ok{};
  };
  const auto both = [&]() -> Status {
    for (const std::uint64_t sequence : {newest_.load(), fallback_.load()}) {
      TRY_ASSIGN(const auto checkpoint, store_.open(sequence));
      TRY(check(*checkpoint));
    }
    return Ok{};
  };
  Status checked = both();
  if (!checked && !stop.stop_requested()) {
    before_.reset();
    places_.clear();
    newest_ = fallback_ = 0;
    wants_all_ids_ = true;
  }
  return checked;
}

void Checkpoints::begin_anew() {
  const std::lock_guard held(mutex_);
  is_anew_ = true;
  places_.clear();
  wants_all_ids_ = true;
}

void Checkpoints::add_ids(index::EventIds::Fresh ids) {
  if (ids.all) {
    new_ids_ = std::move(ids);
  } else {
    new_ids_.ids.insert(new_ids_.ids.end(), ids.ids.begin(), ids.ids.end());
  }
  index::EventIds::sort(new_ids_.ids);
  // Should this one fail, they are asked for again and need not be kept.
  wants_all_ids_ = new_ids_.all || new_ids_.ids.size() > kWaitingIdsMax;
}

Result<CheckpointReceipt> Checkpoints::write(EngineMoment moment, const std::stop_token& stop) {
  const auto began = std::chrono::steady_clock::now();
  const std::lock_guard held(mutex_);
  const std::uint64_t sequence = moment.index->generation->sequence;
  add_ids(std::move(moment.new_ids));
  TRY_ASSIGN(const std::string record, storage::record_at(log_, sequence));
  TRY_ASSIGN(storage::CheckpointWriter writer,
             store_.begin(sequence, hash128(record), moment.made, before_,
                          is_anew_ ? storage::Share::Nothing : storage::Share::Sections));
  Places places;
  index::PersonSeals* const seals = store_.person_keys();
  if (seals != nullptr) TRY(seals->prepare(moment.index->generation->profiles.ids.size()));
  for (const index::Section& section : index::WriterImage::sections(moment.index, seals)) {
    if (stop.stop_requested()) {
      return Error{ErrorCode::Unavailable, "the server stops before the checkpoint is complete"};
    }
    const auto known = places_.find(section.origin);
    if (known != places_.end() && !section.origin.expired()) {
      TRY_ASSIGN(places[section.origin], writer.carry(section.name, known->second));
      continue;
    }
    TRY_ASSIGN(const std::string bytes, section.bytes());
    TRY_ASSIGN(const storage::SectionPlace place, writer.add(section.name, bytes));
    if (!section.origin.expired()) places.emplace(section.origin, place);
  }
  // All ids stand for whatever runs there were.
  const IdRuns none;
  const IdRuns& runs = new_ids_.all ? none : id_runs_;
  TRY_ASSIGN(IdRuns id_runs, runs.write(writer, before_.get(), new_ids_.ids, sequence));
  TRY(writer.add("engine", moment.engine));
  TRY_ASSIGN(const storage::CheckpointWritten written, writer.finish());
  fallback_ = before_ ? before_->manifest().sequence : 0;
  TRY_ASSIGN(before_, store_.open(sequence));
  places_ = std::move(places);
  id_runs_ = std::move(id_runs);
  new_ids_ = {};
  wants_all_ids_ = false;
  is_anew_ = false;
  newest_ = sequence;
  const auto took = std::chrono::steady_clock::now() - began;
  return CheckpointReceipt{
      sequence, written.sections, written.sections_written, written.bytes, written.bytes_written,
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count()};
}

}  // namespace muster::engine
