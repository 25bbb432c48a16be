// What stands under data keys, and how each is brought under the newest: the steps of a rotation.
#include <algorithm>
#include <memory>
#include <set>

#include "engine/impl.h"
#include "storage/archive.h"

namespace muster::engine {
namespace {

// What a rotation could not reach, without an end of it: the first are as good as all.
constexpr std::size_t kUnreachableMax = 100;

Error not_encrypted() {
  return {ErrorCode::Unsupported, "the data are not encrypted, so there is no key to replace"};
}

}  // namespace

// In this order, because what comes later may write into what comes earlier. Whatever else stands
// under data keys gets its step here. Before a key goes only heads of files are looked at: what
// names a key elsewhere (a wrapped key in a record, say) is brought under the newest by its step
// before that returns, or the step names it as unreachable, and all keys stay.
std::vector<KeyRotation::Step> Engine::Impl::rotation_steps() {
  const auto nothing_left = [](Status done) -> Result<std::vector<std::string>> {
    if (!done) return std::move(done.error());
    return std::vector<std::string>();
  };
  return {
      {"log", [this, nothing_left](const std::stop_token& stop) {
         return nothing_left(parts.log->rewrite_under_newest_key(stop));
       }},
      {"checkpoints", [this, nothing_left](const std::stop_token& stop) {
         return nothing_left(rewrite_checkpoints(stop));
       }},
      {"person-keys", [this](const std::stop_token& stop) { return rewrap_person_keys(stop); }},
      {"archive", [this](const std::stop_token& stop) { return rewrite_archive(stop); }},
  };
}

void Engine::Impl::begin_key_rotation() {
  if (parts.keyring == nullptr || !checkpoints) return;
  key_rotation.emplace(KeyRotation::Parts{
      .keyring = parts.keyring,
      .data = parts.checkpoints->directory().parent_path(),
      .archive = parts.raw_archive,
      .steps = rotation_steps(),
      .notice = parts.notice,
      .behind_step = parts.behind_rotation_step});
  key_rotation->resume();
}

// Two whole ones, where any file of those that are there is under an older key.
Status Engine::Impl::rewrite_checkpoints(const std::stop_token& stop) {
  const std::lock_guard taking(taking_mutex);
  TRY_ASSIGN(const auto files, storage::keyed_files(parts.checkpoints->directory()));
  const std::uint32_t newest = parts.keyring->newest();
  const bool has_old = std::any_of(files.begin(), files.end(),
                                   [newest](const auto& file) { return file.number != newest; });
  if (!has_old) return Ok{};
  TRY(parts.checkpoints->remove_left_over());
  return take_two_checkpoints(stop);
}

Result<std::vector<std::string>> Engine::Impl::rewrap_person_keys(const std::stop_token& stop) {
  std::vector<std::string> unreachable;
  if (person_keys() == nullptr) {
    const auto file = parts.checkpoints->directory().parent_path() / "person-keys";
    std::error_code failed;
    if (std::filesystem::exists(file, failed)) unreachable.push_back(file.string());
    return unreachable;
  }
  storage::KeySlots& slots = person_keys()->slots();
  storage::Pace pace(stop);
  if (slots.wrapped_with() != parts.keyring->newest()) {
    TRY(slots.rewrap(*parts.keyring, [&pace] { return pace.rest(); }));
  }
  return unreachable;
}

// Each file of its own, so that a checkpoint may come between two.
Result<std::vector<std::string>> Engine::Impl::rewrite_archive(const std::stop_token& stop) {
  std::set<std::string> named;
  TRY(storage::read_range(
      *parts.log, 1, parts.log->last_sequence(),
      [&](std::uint64_t, std::string_view bytes) -> Status {
        if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
        TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
        if (!head.is_retired) return Ok{};
        TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
        const auto* const retired = std::get_if<storage::Retired>(&record.body);
        if (retired != nullptr && !retired->archive.empty()) named.insert(retired->archive);
        return Ok{};
      }));
  std::vector<std::string> unreachable;
  storage::Pace pace(stop);
  std::error_code failed;
  if (std::filesystem::is_directory(parts.raw_archive, failed)) {
    const std::lock_guard taking(taking_mutex);
    TRY(storage::remove_left_over(*parts.log, parts.raw_archive, named, parts.keyring));
  }
  for (const std::string& name : named) {
    Status done = Error{ErrorCode::NotFound, ""};  // Where the archive is, nobody has said.
    if (!parts.raw_archive.empty()) {
      const std::lock_guard taking(taking_mutex);
      done = storage::rewrite_archive(parts.raw_archive, name, *parts.keyring, pace);
    }
    if (done) continue;
    const bool is_lost = done.error().code == ErrorCode::NotFound ||
                         done.error().code == ErrorCode::Corrupt ||
                         done.error().code == ErrorCode::PermissionDenied;
    if (!is_lost) return std::move(done.error());
    if (unreachable.size() < kUnreachableMax) {
      unreachable.push_back((parts.raw_archive / name).string());
    }
  }
  return unreachable;
}

Result<RotationState> Engine::rotate_keys(const Pass<Permission::Admin>&) {
  if (!impl_->key_rotation) return not_encrypted();
  TRY(impl_->key_rotation->begin());
  return impl_->key_rotation->state();
}

Result<RotationState> Engine::key_rotation(const Pass<Permission::Admin>&) const {
  if (!impl_->key_rotation) return RotationState{};
  return impl_->key_rotation->state();
}

void Engine::wait_for_key_rotation() {
  if (impl_->key_rotation) impl_->key_rotation->wait();
}

}  // namespace muster::engine
