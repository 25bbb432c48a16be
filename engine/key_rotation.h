// Data keys are replaced while the server answers: a new one takes all new files, what stands under
// older ones is written anew, and a key that no file names any more leaves the ring.
//
// How far it is stands in the ring and in the heads of the files, and nowhere else: a ring with
// more than one key has a rotation that is to be gone on with, whatever killed the last one.
//
// Thread safety: any thread, but for the constructor, resume() and the destructor.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "storage/key_files.h"
#include "storage/keyring.h"

namespace muster::engine {

enum class RotationPhase : std::uint8_t { Idle, Running, Failed };

// How a rotation is, and what stands under which key.
struct RotationState {
  RotationPhase phase = RotationPhase::Idle;
  std::string step;                      // The one under way; "": none is.
  std::string failure;                   // Why the last one ended; "": it did not fail.
  std::vector<std::string> unreachable;  // Files that could not be written anew: older keys stay.
  std::uint32_t newest = 0;              // The key of new files.
  // Those in the ring, and what stands under them.
  std::map<std::uint32_t, storage::KeyUse> keys;
};

class KeyRotation {
 public:
  // Something that stands under data keys, and how it is brought under the newest. Asked for again
  // in each round, and behind a kill: it does nothing where nothing is under an older one.
  struct Step {
    std::string name;
    // Returns the files that it cannot reach: their keys are unknown, so all stay.
    // Errors: those that end the rotation; Unavailable when it is to stop.
    std::function<Result<std::vector<std::string>>(const std::stop_token&)> run;
  };
  // `notice` is told how one ended. `behind_step`: for tests.
  struct Parts {
    storage::Keyring* keyring = nullptr;
    std::filesystem::path data, archive;  // The archive: "" for none.
    std::vector<Step> steps;
    std::function<void(const std::string& sentence)> notice;
    std::function<void(const std::string& step)> behind_step = {};
  };
  explicit KeyRotation(Parts parts) : parts_(std::move(parts)) {}

  // Adds a key, and begins to bring everything under it on a thread of its own.
  // Errors: Conflict while one runs; those of Keyring::add_key().
  Status begin();
  // Goes on with one that was interrupted; does nothing otherwise.
  void resume();
  // Has one that runs come to its end; it goes on with the next start.
  void stop();
  // Returns when none runs.
  void wait();

  // Errors: those of the files.  Cost: 64 bytes of each file.
  Result<RotationState> state() const;

 private:
  void start();  // Requires mutex_.
  void run(const std::stop_token& stop);
  Status rotate(const std::stop_token& stop);
  Status round(const std::stop_token& stop);
  Result<std::vector<storage::KeyedFile>> old_files() const;
  Status drop_keys();

  const Parts parts_;
  mutable std::mutex mutex_;  // Guards all below.
  bool runs_ = false, has_stopped_ = false;
  std::string step_, failure_;
  std::set<std::string> unreachable_;
  std::condition_variable ended_;
  std::jthread thread_;  // Last, so that it ends first.
};

}  // namespace muster::engine
