#include "connect/plan_parts.h"

#include <string>

#include "base/hash.h"
#include "connect/batch_parts.h"
#include "connect/straight_writer.h"

namespace muster::connect {
namespace {

using index::Bitmap;
using index::Ordinal;

// Of those whose texts are written straight from their columns.
class StraightGatherer {
 public:
  StraightGatherer(const BatchInput& input, const Ledger& ledger, Operation operation)
      : input_(input), ledger_(ledger), scope_(scope_of(input, ledger, operation)),
        batch_{.run = scope_.run, .id = input.id, .operation = operation, .gzip = input.gzip} {
    step_.sorted.run = scope_.run;
  }

  Result<PlannedStep> gather(std::span<const Ordinal> ordinals) {
    const std::vector<MappedField>& mapping = input_.composer.mapping();
    TRY_ASSIGN(const engine::ProfileColumns columns,
               input_.audience.columns(input_.moment, ordinals, asked_fields(mapping)));
    StraightWriter writer(mapping, *input_.composer.straight(), columns);
    const std::size_t most = input_.composer.people_max(scope_.operation);
    const std::size_t room = std::min(most, ordinals.size());
    people_.reserve(room);
    batch_.member_bytes.reserve(room);
    batch_.digests.reserve(room);
    for (std::size_t i = 0; i < ordinals.size() && people_.size() < most; ++i) {
      if (!writer.identifies(i)) {
        const bool stays = scope_.operation == Operation::Add &&
                           stays_as_is(input_, ledger_, ordinals[i]);
        (stays ? step_.sorted.unchanged : step_.sorted.unidentifiable).add(ordinals[i]);
      } else if (!take(writer, i, ordinals[i])) {
        break;
      }
    }
    if (people_.empty()) return std::move(step_);
    batch_.people = Bitmap::from_sorted(people_);
    enclose(input_.composer.envelope(scope_, Person{}), members_.view(), batch_, &step_.body);
    step_.batch = std::move(batch_);
    return std::move(step_);
  }

 private:
  // Whether there was room; who is known as they are needs none.
  bool take(StraightWriter& writer, std::size_t i, Ordinal ordinal) {
    const std::size_t before = members_.size();
    if (!people_.empty()) members_.put(',');
    const std::size_t begin = members_.size();
    writer.write(members_, i);
    const std::string_view text = members_.from(begin);
    const std::uint64_t digest = hash64(text);
    const bool is_known =
        scope_.operation == Operation::Change && digest == ledger_.digest(ordinal);
    // With a comma behind each text, as Gatherer counts.
    const bool is_too_long =
        !people_.empty() && members_.size() + 1 > input_.composer.bytes_max();
    if (is_known || is_too_long) {
      members_.cut(before);
      if (is_known) step_.sorted.unchanged.add(ordinal);
      return is_known;
    }
    people_.push_back(ordinal);
    batch_.member_bytes.push_back(static_cast<std::uint32_t>(text.size()));
    batch_.digests.push_back(digest);
    return true;
  }

  const BatchInput& input_;
  const Ledger& ledger_;
  const BatchScope scope_;
  PlannedStep step_;
  BatchPlanned batch_;
  std::vector<Ordinal> people_;
  TextBuffer members_;
};

}  // namespace

BatchScope scope_of(const BatchInput& input, const Ledger& ledger, Operation operation) {
  const RunView& run = ledger.runs().back();
  return {.sync = ledger.sync(), .segment = input.sync.segment, .run = run.number,
          .snapshot = run.snapshot, .at = run.started_at, .operation = operation,
          .is_of_events = input.events != nullptr};
}

bool stays_as_is(const BatchInput& input, const Ledger& ledger, Ordinal ordinal) {
  return input.sync.mode == SyncMode::Append &&
         (ledger.held().contains(ordinal) || ledger.maybe_held().contains(ordinal));
}

Result<std::vector<Person>> people_of(const BatchInput& input,
                                      std::span<const Ordinal> ordinals) {
  const std::vector<MappedField>& mapping = input.composer.mapping();
  TRY_ASSIGN(std::vector<engine::ProfileRow> rows,
             input.audience.people(input.moment, ordinals, asked_fields(mapping)));
  std::vector<Person> people;
  people.reserve(rows.size());
  for (engine::ProfileRow& row : rows) people.push_back(person_of(mapping, std::move(row)));
  return people;
}

// What happened to people is told in texts of their own.
bool is_straight(const BatchInput& input) {
  return input.events == nullptr && input.composer.straight().has_value();
}

Result<PlannedStep> plan_straight(const BatchInput& input, const Ledger& ledger,
                                  Operation operation, std::span<const Ordinal> ordinals) {
  return StraightGatherer(input, ledger, operation).gather(ordinals);
}

}  // namespace muster::connect
