#include "storage/backup.h"

#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "storage/checkpoint_store.h"
#include "storage/files.h"
#include "storage/person_keys.h"
#include "storage/record.h"
#include "storage/rocks_log.h"
#include "storage/suppression.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Records written together, with one sync.
constexpr std::size_t kGroupBytes = 32U << 20;
constexpr std::size_t kGroupRecords = 4'096;
constexpr const char* kSecretKey = "secret.key";
constexpr const char* kKeyFiles[] = {kSecretKey, "audit.key"};
constexpr const char* kSuppression = "suppression";
constexpr const char* kKeyring = "keyring";
constexpr const char* kPersonKeys = "person-keys";

Error in_the_way(const fs::path& path, const std::string& what) {
  return {ErrorCode::InvalidArgument, path.string() + " is there already: " + what};
}

// Writes records group by group, and remembers what the copy's receipt says.
class Copier {
 public:
  Copier(Log& to, CopyDone& done) : to_(to), done_(done) {}

  Status take(std::uint64_t sequence, std::string_view bytes) {
    const auto record = decode(bytes);
    if (!record) {
      return Error{record.error().code, "record " + std::to_string(sequence) +
                                            " of the log: " + record.error().message};
    }
    if (std::holds_alternative<Retired>(record->body)) last_retired_ = sequence;
    if (const auto* batch = std::get_if<DataBatch>(&record->body)) {
      if (batch->is_partial) last_retired_ = sequence;
    }
    if (const auto* erasure = std::get_if<Erasure>(&record->body)) {
      if (erasure->mark.erasures != 0) mark_ = erasure->mark;
      if (erasure->reason == kNamelessErasure) last_retired_ = sequence;
    }
    if (const auto* told = std::get_if<MembershipChanges>(&record->body)) {
      if (told->groups.empty()) last_retired_ = sequence;
    }
    if (const auto* change = std::get_if<DocumentChange>(&record->body)) {
      if (change->kind == "destination" && !change->deleted) destinations_.insert(change->id);
      if (change->kind == "destination" && change->deleted) destinations_.erase(change->id);
    }
    group_.emplace_back(bytes);
    group_bytes_ += bytes.size();
    done_.record = sequence;
    done_.bytes += bytes.size();
    if (group_bytes_ < kGroupBytes && group_.size() < kGroupRecords) return Ok{};
    return flush();
  }

  Status flush() {
    done_.destinations = destinations_.size();
    done_.erased = mark_.erasures;
    if (group_.empty()) return Ok{};
    TRY(to_.append(group_));
    group_.clear();
    group_bytes_ = 0;
    return Ok{};
  }

  // The last record whose data only checkpoints have; 0: there is none.
  std::uint64_t last_retired() const { return last_retired_; }
  const SuppressionMark& mark() const { return mark_; }

 private:
  Log& to_;
  CopyDone& done_;
  std::uint64_t last_retired_ = 0;
  SuppressionMark mark_;
  std::set<std::string> destinations_;
  std::vector<std::string> group_;
  std::size_t group_bytes_ = 0;
};

// What is to be known of a log for what is copied beside it.
struct CopiedLog {
  std::uint64_t last_retired = 0;
  SuppressionMark mark;
};

Result<CopiedLog> copy_log(const CopyRequest& request, const fs::path& to, CopyDone& done) {
  TRY_ASSIGN(const auto from, RocksLog::open(request.from, {.access = LogAccess::ReadOnly,
                                                   .keys = request.from_ring}));
  TRY_ASSIGN(const auto log, RocksLog::open(to, {.keys = request.to_ring}));
  Copier copier(*log, done);
  const auto last = static_cast<double>(from->last_sequence());
  TRY(from->read(1, [&](std::uint64_t sequence, std::string_view bytes) -> Status {
    if (request.progress && sequence % 256 == 0) {
      request.progress(static_cast<double>(sequence) / last);
    }
    return copier.take(sequence, bytes);
  }));
  TRY(copier.flush());
  return CopiedLog{copier.last_retired(), copier.mark()};
}

using CheckpointPtr = std::shared_ptr<const Checkpoint>;

// The checkpoints that are there, newest first; opened, they can be read when they were deleted.
std::vector<CheckpointPtr> open_checkpoints(const CopyRequest& request) {
  const CheckpointStore store(request.from, request.from_ring);
  std::vector<CheckpointPtr> opened;
  for (const std::uint64_t sequence : store.sequences()) {
    if (auto checkpoint = store.open(sequence)) opened.push_back(std::move(*checkpoint));
  }
  return opened;
}

Status copy_checkpoint(const Checkpoint& checkpoint, const CheckpointStore& store) {
  const Manifest& manifest = checkpoint.manifest();
  TRY_ASSIGN(CheckpointWriter writer,
             store.begin(manifest.sequence, manifest.record, manifest.made, nullptr));
  for (const auto& [name, place] : manifest.sections) {
    TRY_ASSIGN(const std::string bytes, checkpoint.read(name));
    TRY(writer.add(name, bytes));
  }
  TRY(writer.finish());
  return Ok{};
}

// The newest sound checkpoint of a record that the copy holds. That there is none is no loss while
// the copy's log has all of it, up to `last_retired`.
Status copy_newest(const std::vector<CheckpointPtr>& checkpoints, std::uint64_t last_retired,
                   const CheckpointStore& to, CopyDone& done) {
  Status copied = Error{ErrorCode::Unavailable,
                        "no checkpoint contains record " + std::to_string(last_retired) +
                            ", which the log alone does not have any more: once the server has "
                            "taken one, it can be copied"};
  for (const CheckpointPtr& checkpoint : checkpoints) {
    const std::uint64_t sequence = checkpoint->manifest().sequence;
    if (sequence > done.record || sequence < last_retired) continue;
    copied = copy_checkpoint(*checkpoint, to);
    if (!copied) continue;
    done.checkpoint = sequence;
    return Ok{};
  }
  return last_retired == 0 ? Status(Ok{}) : copied;
}

// Restored without it, or with an older one, data would take in again who was erased.
Status check_suppression(const CopyRequest& request, const SuppressionMark& mark) {
  if (!request.needs_suppression) return Ok{};
  if (mark.erasures == 0 && request.keys_from.empty()) return Ok{};
  if (request.keys_from.empty()) {
    return Error{ErrorCode::InvalidArgument,
                 "of these data " + std::to_string(mark.erasures) + " erasures are known, and only "
                 "the suppression file keeps the people out: name the directory that has the "
                 "newest copy of it with --keys"};
  }
  TRY_ASSIGN(const auto suppression, Suppression::open(request.keys_from / kSuppression));
  TRY(suppression->check(mark));
  if (suppression->is_whole()) return Ok{};
  return Error{ErrorCode::Corrupt,
               (request.keys_from / kSuppression).string() + " ends in the middle of an erasure: "
               "put the newest copy of it there"};
}

// Without them the checkpoint tells nothing of anybody, and with older ones something of people who
// were erased.
Status check_person_keys(const CopyRequest& request, const SuppressionMark& mark) {
  if (!request.needs_suppression || !request.from_ring) return Ok{};
  TRY_ASSIGN(const bool has_keys, DataDirectory::has_key_files(request.from));
  if (!has_keys) return Ok{};
  const fs::path file = request.keys_from / kPersonKeys;
  std::error_code failed;
  if (request.keys_from.empty() || !fs::exists(file, failed)) {
    return Error{ErrorCode::InvalidArgument,
                 "what is in " + request.from.string() + " is sealed with keys of its people: name "
                 "the directory that has the newest copy of " + kPersonKeys + " with --keys"};
  }
  TRY_ASSIGN(const auto keys, PersonKeys::open(file, *request.from_ring, LogAccess::ReadOnly));
  return keys->check(mark.erasures);
}

// A copy has those of its original: what is in its checkpoint is sealed with them.
Status copy_person_keys(const CopyRequest& request) {
  const fs::path from = request.keys_from / kPersonKeys, to = request.keys_to / kPersonKeys;
  std::error_code failed;
  if (!fs::exists(from, failed)) return Ok{};
  if (request.keys_to == request.to) fs::remove(to, failed);  // As a new directory has them.
  TRY(carry_key_slots(from, to, SlotUse::People, *request.from_ring));
  return Ok{};
}

Status copy_keys(const CopyRequest& request, CopyDone& done) {
  const fs::path secret = request.keys_from / kSecretKey;
  std::error_code failed;
  if (done.destinations > 0 && !fs::exists(secret, failed)) {
    return Error{ErrorCode::InvalidArgument,
                 secret.string() + " is missing, and the secrets of " +
                     std::to_string(done.destinations) + " destinations are sealed with it"};
  }
  fs::create_directories(request.keys_to, failed);
  if (failed) return file_error("make", request.keys_to, failed.value());
  for (const char* name : kKeyFiles) {
    if (!fs::exists(request.keys_from / name, failed)) continue;
    TRY_ASSIGN(const std::string content, read_small_file(request.keys_from / name));
    if (const auto other = read_small_file(request.keys_to / name); other && *other != content) {
      return in_the_way(request.keys_to / name, "it is another key");
    }
    TRY(write_small_file(request.keys_to / name, content));
    done.keys = true;
  }
  if (request.from_ring) TRY(copy_person_keys(request));
  // Behind all that may have told it of a data key that came meanwhile.
  if (request.to_ring) TRY(request.to_ring->write(request.keys_to / kKeyring));
  TRY_ASSIGN(done.suppression, carry_suppression(request.keys_from / kSuppression,
                                                 request.keys_to / kSuppression));
  done.keys = done.keys || done.suppression || request.to_ring;
  return Ok{};
}

Result<CopyDone> copy_into(const CopyRequest& request, const fs::path& to) {
  CopyDone done;
  done.encrypted = request.to_ring != nullptr;
  std::error_code failed;
  // Before and after: what is retired meanwhile is in those that were taken meanwhile.
  std::vector<CheckpointPtr> checkpoints = open_checkpoints(request);
  TRY_ASSIGN(const CopiedLog log, copy_log(request, to, done));
  TRY(check_suppression(request, log.mark));
  TRY(check_person_keys(request, log.mark));
  const std::vector<CheckpointPtr> later = open_checkpoints(request);
  checkpoints.insert(checkpoints.begin(), later.begin(), later.end());
  TRY(copy_newest(checkpoints, log.last_retired, CheckpointStore(to, request.to_ring), done));
  CopyRequest keys = request;
  if (keys.keys_to == request.to) keys.keys_to = keys.to = to;
  if (!keys.keys_from.empty()) TRY(copy_keys(keys, done));
  if (request.keyring_apart && keys.keys_to != to) {
    fs::remove(to / kKeyring, failed);
    fs::remove(to / kPersonKeys, failed);
  }
  return done;
}

}  // namespace

Result<CopyDone> copy_store(const CopyRequest& request) {
  fs::path to = request.to;
  if (!to.has_filename()) to = to.parent_path();
  const fs::path partial = to.string() + ".partial";
  std::error_code failed;
  if (fs::exists(to, failed)) return in_the_way(to, "name a directory that is not");
  if (fs::exists(partial, failed)) {
    return in_the_way(partial, "an earlier copy did not come to its end; delete what it left");
  }
  CopyRequest asked = request;
  asked.to = to;
  auto done = copy_into(asked, partial);
  if (done) {
    if (Status lasting = sync_directory(partial); !lasting) done = std::move(lasting.error());
  }
  if (!done) {
    fs::remove_all(partial, failed);
    return done;
  }
  if (std::rename(partial.c_str(), to.c_str()) != 0) return file_error("make", to, errno);
  const fs::path parent = to.has_parent_path() ? to.parent_path() : fs::path(".");
  TRY(sync_directory(parent));
  return done;
}

}  // namespace muster::storage
