#include "bench/first_load.h"

#include <time.h>

#include <chrono>

#include "engine/access.h"

namespace muster::bench {
namespace {

using engine::Permission;
using storage::TableKind;

// As `muster load` sends them (loader/chunker.h).
constexpr std::size_t kRequestBytes = 4U << 20;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <Permission needed>
engine::Pass<needed> pass() {
  return engine::Access::system("bench").require<needed>().value();
}

using Watch = void (BaselineData::*)(const index::Batch& batch);

// One table on its way in.
class Feed {
 public:
  Feed(Loaded& loaded, TableKind table, std::string name, TableRate& rate, Watch watch)
      : loaded_(loaded), table_(table), name_(std::move(name)), rate_(rate), watch_(watch) {}

  Status take(std::string_view rows) {
    waiting_.append(rows);
    return waiting_.size() < kRequestBytes ? Status(Ok()) : send();
  }

  Status send() {
    if (waiting_.empty()) return Ok();
    double start = core_seconds();
    TRY_ASSIGN(const index::Batch batch, loaded_.decoder.decode({.bytes = waiting_}));
    rate_.decode_seconds += core_seconds() - start;
    if (watch_ != nullptr) (loaded_.baseline.get()->*watch_)(batch);
    rate_.rows += batch.rows;
    rate_.bytes += waiting_.size();

    engine::IngestRequest request{.table = table_, .name = name_, .bytes = std::move(waiting_)};
    waiting_.clear();
    start = core_seconds();
    const auto wall_start = std::chrono::steady_clock::now();
    TRY_ASSIGN(const auto receipt,
               loaded_.engine->ingest(pass<Permission::Ingest>(), request));
    rate_.ingest_seconds += core_seconds() - start;
    rate_.ingest_wall_seconds += seconds_since(wall_start);
    CHECK(receipt.rejected == 0 && receipt.accepted == batch.rows);
    return Ok();
  }

  loader::DemoSink sink() {
    return [this](std::string_view rows) { return take(rows); };
  }

 private:
  Loaded& loaded_;
  TableKind table_;
  std::string name_;
  TableRate& rate_;
  Watch watch_;
  std::string waiting_;
};

}  // namespace

double core_seconds() {
  timespec spent{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

Status ForgettingLog::append(std::span<const std::string> records) {
  last_ += records.size();
  for (const std::string& record : records) bytes_ += record.size();
  return Ok();
}

Status ForgettingLog::read(std::uint64_t,
                           const std::function<Status(std::uint64_t, std::string_view)>&) {
  return Ok();  // Asked only when an engine is opened, before the first record.
}

Result<std::unique_ptr<Loaded>> load_demo(const loader::DemoOptions& options) {
  auto loaded = std::make_unique<Loaded>();
  loaded->clock.set(kBenchNow);
  loaded->baseline = std::make_unique<BaselineData>(kBenchNow);
  TRY_ASSIGN(loaded->engine,
             engine::Engine::open({.log = &loaded->log,
                                   .clock = &loaded->clock,
                                   .decoder = &loaded->decoder}));
  TRY(loaded->engine->declare(pass<Permission::Define>(), loader::demo_schema()));

  Feed products(*loaded, TableKind::Entities, "product", loaded->products, nullptr);
  TRY(loader::generate_products(options, products.sink()));
  TRY(products.send());
  Feed profiles(*loaded, TableKind::Profiles, "", loaded->profiles, &BaselineData::add_profiles);
  TRY(loader::generate_profiles(options, profiles.sink()));
  TRY(profiles.send());
  Feed events(*loaded, TableKind::Events, "", loaded->events, &BaselineData::add_events);
  TRY(loader::generate_events(options, events.sink()));
  TRY(events.send());
  loaded->baseline->finish();
  return loaded;
}

}  // namespace muster::bench
