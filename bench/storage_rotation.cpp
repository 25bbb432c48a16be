#include "bench/storage_rotation.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "bench/engine_timing.h"
#include "bench/no_log.h"
#include "bench/storage_beside.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/person_keys.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr TimeMs kNow = 1'771'000'000'000;

// One encrypted data directory, and what lives in it.
class Home {
 public:
  explicit Home(const fs::path& folder) : directory_(folder / "storage_rotation_bench") {
    clear();
  }
  ~Home() {
    engine_.reset();
    log_.reset();
    clear();
  }

  Status open() {
    TRY_ASSIGN(ring_, storage::Keyring::make(std::string(32, 'k')));
    ring_->live_in(directory_ / "keyring", {});
    TRY_ASSIGN(log_, storage::RocksLog::open(directory_, {.keys = ring_}));
    TRY_ASSIGN(auto people, storage::PersonKeys::open(directory_ / "person-keys", *ring_,
                                                      storage::LogAccess::ReadWrite));
    store_ = std::make_unique<storage::CheckpointStore>(directory_, ring_, std::move(people));
    TRY_ASSIGN(engine_, engine::Engine::open({.log = log_.get(),
                                              .clock = &clock_,
                                              .decoder = &decoder_,
                                              .checkpoints = store_.get(),
                                              .checkpoint_bytes = 0,
                                              .keyring = ring_.get()}));
    return Ok{};
  }

  engine::Engine& engine() { return *engine_; }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  const fs::path directory_;
  const ManualClock clock_{kNow};
  const loader::FileDecoder decoder_;
  std::shared_ptr<storage::Keyring> ring_;
  std::unique_ptr<storage::RocksLog> log_;
  std::unique_ptr<storage::CheckpointStore> store_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

Result<RotationResult> measure_rotation(const RotationOptions& options) {
  RotationResult result;
  Home home(options.folder);
  TRY(home.open());
  TRY(fill_rows(home.engine(), options.rows, 0));
  TRY(home.engine().take_checkpoint(pass<Permission::Admin>()));
  {
    Clients alone(home.engine());
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    const Waits waits = alone.end();
    result.idle_read_p99_us = quantile(waits.reads, 0.99) * 1e6;
    result.idle_write_p99_us = quantile(waits.writes, 0.99) * 1e6;
  }
  TRY_ASSIGN(const auto before, home.engine().key_rotation(pass<Permission::Admin>()));
  result.bytes = before.keys.at(1).bytes;
  Clients beside(home.engine());
  const Stopwatch watch(TimeOf::Wall);
  Result<engine::RotationState> done = before;
  if (!options.sabotage) done = home.engine().rotate_keys(pass<Permission::Admin>());
  home.engine().wait_for_key_rotation();
  result.seconds = watch.seconds();
  const Waits waits = beside.end();
  if (!done) return done.error();
  result.busy_read_p99_us = quantile(waits.reads, 0.99) * 1e6;
  result.busy_write_p99_us = quantile(waits.writes, 0.99) * 1e6;
  result.busy_write_max_us = quantile(waits.writes, 1) * 1e6;
  TRY_ASSIGN(done, home.engine().key_rotation(pass<Permission::Admin>()));
  if (done->failure.empty() && !done->keys.contains(1)) return result;
  return Error{ErrorCode::Corrupt, "files are under the old key still: " + done->failure};
}

}  // namespace muster::bench
