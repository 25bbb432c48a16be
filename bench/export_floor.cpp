#include "bench/export_floor.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "bench/engine_timing.h"
#include "connect/compress.h"
#include "connect/ledger.h"
#include "connect/outcome_record.h"
#include "connect/signature.h"
#include "connect/straight_writer.h"
#include "engine/profile_columns.h"

namespace muster::bench {
namespace {

using connect::AttemptStarted;
using connect::BatchPlanned;
using connect::Delivered;
using connect::OutcomeRecord;
using engine::Permission;

constexpr const char* kStream = "sync:floor";
constexpr std::string_view kPrefix =
    R"({"type":"audience.members","sync":"all","segment":"everyone","run":1,"snapshot":100,)"
    R"("operation":"add","members":[)";
constexpr std::string_view kSuffix = "]}";

// Seconds of this thread's core since the call before.
class Lap {
 public:
  double seconds() {
    const double now = seconds_now(TimeOf::Core);
    return now - std::exchange(since_, now);
  }

 private:
  double since_ = seconds_now(TimeOf::Core);
};

class Floor {
 public:
  Floor(const ExportOptions& options, engine::Engine& engine)
      : options_(options), engine_(engine),
        mapping_{{.name = "email", .field = "email"}, {.name = "country", .field = "country"}} {}

  Result<ExportFloor> measure() {
    TRY_ASSIGN(const engine::MembersAnswer members,
               engine_.members(pass<Permission::Members>(), {.where = "everyone"}));
    const std::vector<index::Ordinal> all = members.members.to_vector();
    TRY(ledger_.apply(connect::RunStarted{.run = 1, .audience = members.members,
                                          .add = members.members}));
    const std::span<const index::Ordinal> people = all;
    for (std::size_t from = 0; from < people.size(); from += options_.batch) {
      TRY(add_batch(members, people.subspan(from, std::min<std::size_t>(
                                                      options_.batch, people.size() - from))));
      if (records_.size() >= options_.concurrency) TRY(journal());
    }
    TRY(journal());
    const double to_ns = 1e9 / static_cast<double>(people.size());
    for (double* part : {&floor_.read, &floor_.word, &floor_.digest, &floor_.sign, &floor_.pack,
                         &floor_.journal, &floor_.ledger}) {
      *part *= to_ns;
    }
    floor_.body_bytes /= static_cast<double>(batches_);
    return floor_;
  }

 private:
  Status add_batch(const engine::MembersAnswer& members,
                   std::span<const index::Ordinal> people) {
    Lap lap;
    TRY_ASSIGN(const engine::ProfileColumns columns,
               engine::profile_columns(pass<Permission::Members>(), members, people,
                                       connect::asked_fields(mapping_)));
    floor_.read += lap.seconds();
    const std::vector<std::string> no_names;
    connect::StraightWriter writer(mapping_, {.identify_by = &no_names}, columns);
    connect::TextBuffer body;
    std::vector<std::pair<std::size_t, std::size_t>> texts;
    texts.reserve(people.size());
    body.put(kPrefix);
    for (std::size_t i = 0; i < people.size(); ++i) {
      if (i > 0) body.put(',');
      const std::size_t begin = body.size();
      writer.write(body, i);
      texts.emplace_back(begin, body.size() - begin);
    }
    body.put(kSuffix);
    floor_.word += lap.seconds();
    BatchPlanned batch{.run = 1, .id = "msg_" + std::to_string(batches_++)};
    for (const auto& [begin, size] : texts) {
      batch.digests.push_back(hash64(body.view().substr(begin, size)));
      batch.member_bytes.push_back(static_cast<std::uint32_t>(size));
    }
    floor_.digest += lap.seconds();
    TRY(connect::sign(secrets_, {batch.id, "1790000000", body.view()}));
    floor_.sign += lap.seconds();
    batch.packed = connect::pack(body.view());
    floor_.pack += lap.seconds();
    batch.prefix_bytes = static_cast<std::uint32_t>(kPrefix.size());
    batch.people = index::Bitmap::from_sorted(people);
    floor_.body_bytes += static_cast<double>(body.size());
    records_.push_back(std::move(batch));
    return Ok{};
  }

  // As many batches at once as are under way at once: planned, begun and answered.
  Status journal() {
    std::vector<OutcomeRecord> all;
    for (BatchPlanned& batch : records_) {
      all.emplace_back(AttemptStarted{batch.id, 1, 0});
      all.emplace_back(Delivered{batch.id, 0, 200});
    }
    for (BatchPlanned& batch : records_) all.insert(all.begin(), std::move(batch));
    records_.clear();
    // What the log's own threads do counts, too.
    const double begin = seconds_cpu();
    std::vector<std::string> payloads;
    for (const OutcomeRecord& record : all) payloads.push_back(connect::encode(record));
    TRY(engine_.record_outcome(pass<Permission::Activate>(), kStream, std::move(payloads)));
    floor_.journal += seconds_cpu() - begin;
    Lap lap;
    for (const OutcomeRecord& record : all) TRY(ledger_.apply(record));
    floor_.ledger += lap.seconds();
    return Ok{};
  }

  const ExportOptions& options_;
  engine::Engine& engine_;
  const std::vector<connect::MappedField> mapping_;
  const std::vector<connect::WebhookSecret> secrets_{
      *connect::WebhookSecret::parse(kExportSecret)};
  connect::Ledger ledger_{"floor"};
  std::vector<BatchPlanned> records_;
  std::size_t batches_ = 0;
  ExportFloor floor_;  // Seconds, until it is returned.
};

}  // namespace

Result<ExportFloor> measure_floor(const ExportOptions& options, ExportWorld& world) {
  return Floor(options, world.engine()).measure();
}

}  // namespace muster::bench
