#include "engine/key_rotation.h"

#include <utility>

namespace muster::engine {
namespace {

// What was under way when the key came is seen in the second at the latest; a reader who holds an
// old file takes another.
constexpr int kRoundsMax = 5;

Error already_running() {
  return {ErrorCode::Conflict, "a rotation of data keys is under way: wait until it is done, GET "
                               "/v1/encryption says how far it is"};
}

}  // namespace

Status KeyRotation::begin() {
  const std::lock_guard held(mutex_);
  if (runs_) return already_running();
  if (has_stopped_) return Error{ErrorCode::Unavailable, "the server stops"};
  TRY(parts_.keyring->add_key());
  start();
  return Ok{};
}

void KeyRotation::resume() {
  const std::lock_guard held(mutex_);
  if (!runs_ && !has_stopped_ && parts_.keyring->numbers().size() > 1) start();
}

void KeyRotation::start() {
  if (thread_.joinable()) thread_.join();  // It has ended, or is about to.
  runs_ = true;
  failure_.clear();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void KeyRotation::stop() {
  const std::lock_guard held(mutex_);
  has_stopped_ = true;
  thread_.request_stop();
}

void KeyRotation::wait() {
  std::unique_lock held(mutex_);
  ended_.wait(held, [this] { return !runs_; });
}

void KeyRotation::run(const std::stop_token& stop) {
  Status done = Ok{};
  try {
    done = rotate(stop);
  } catch (const std::exception&) {
    done = Error{ErrorCode::Unavailable, "out of memory"};
  }
  const std::lock_guard held(mutex_);
  step_.clear();
  runs_ = false;
  ended_.notify_all();
  if (!done) failure_ = done.error().message;
  if (!parts_.notice || stop.stop_requested()) return;
  if (!done) {
    parts_.notice("the data keys could not be rotated, and older ones stay: " + failure_);
  } else if (!unreachable_.empty()) {
    parts_.notice("older data keys stay, because " + *unreachable_.begin() +
                  " could not be written anew");
  } else {
    parts_.notice("everything stands under data key " + std::to_string(parts_.keyring->newest()) +
                  ", and older keys have left the keyring");
  }
}

Status KeyRotation::rotate(const std::stop_token& stop) {
  for (int rounds = 0; rounds < kRoundsMax; ++rounds) {
    TRY(round(stop));
    TRY_ASSIGN(const auto old, old_files());
    if (old.empty()) break;
  }
  return drop_keys();
}

Status KeyRotation::round(const std::stop_token& stop) {
  std::set<std::string> unreachable;
  for (const Step& step : parts_.steps) {
    {
      const std::lock_guard held(mutex_);
      step_ = step.name;
    }
    if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
    TRY_ASSIGN(const std::vector<std::string> left, step.run(stop));
    unreachable.insert(left.begin(), left.end());
    if (parts_.behind_step) parts_.behind_step(step.name);
  }
  const std::lock_guard held(mutex_);
  unreachable_ = std::move(unreachable);
  return Ok{};
}

Result<std::vector<storage::KeyedFile>> KeyRotation::old_files() const {
  TRY_ASSIGN(std::vector<storage::KeyedFile> files,
             storage::keyed_files(parts_.data, parts_.archive));
  const std::uint32_t newest = parts_.keyring->newest();
  std::erase_if(files, [newest](const storage::KeyedFile& one) { return one.number == newest; });
  return files;
}

// Only keys that no file names: looked at before, and again behind it, because a file that was
// begun before the rotation may have got its head only now.
Status KeyRotation::drop_keys() {
  const auto needed = [this]() -> Result<std::set<std::uint32_t>> {
    TRY_ASSIGN(const auto old, old_files());
    const std::lock_guard held(mutex_);
    std::set<std::uint32_t> numbers;
    for (const storage::KeyedFile& file : old) {
      numbers.insert(file.number);
      unreachable_.insert(file.path.string());
    }
    return numbers;
  };
  {
    const std::lock_guard held(mutex_);
    if (!unreachable_.empty()) return Ok{};  // Nobody knows under which keys those are.
  }
  TRY_ASSIGN(std::set<std::uint32_t> kept, needed());
  TRY(parts_.keyring->keep_keys(kept));
  if (parts_.behind_step) parts_.behind_step("keys");
  TRY_ASSIGN(kept, needed());
  return parts_.keyring->keep_keys(kept);
}

Result<RotationState> KeyRotation::state() const {
  TRY_ASSIGN(const auto files, storage::keyed_files(parts_.data, parts_.archive));
  RotationState state;
  for (const std::uint32_t number : parts_.keyring->numbers()) state.keys[number] = {};
  for (const auto& [number, use] : storage::use_of_keys(files)) state.keys[number] = use;
  state.newest = parts_.keyring->newest();
  const std::lock_guard held(mutex_);
  state.step = step_;
  state.failure = failure_;
  state.unreachable.assign(unreachable_.begin(), unreachable_.end());
  state.phase = runs_ ? RotationPhase::Running
                      : failure_.empty() ? RotationPhase::Idle : RotationPhase::Failed;
  return state;
}

}  // namespace muster::engine
