#include "connect/planner.h"

#include <algorithm>
#include <span>
#include <unordered_set>

#include "base/hash.h"
#include "connect/batch_parts.h"
#include "connect/known_people.h"
#include "connect/plan_parts.h"
#include "connect/profile_ids.h"
#include "connect/shared_plan.h"

namespace muster::connect {
namespace {

using index::Bitmap;
using index::Ordinal;

// People whose fields are read at once to see who changed, as long as few did.
constexpr std::size_t kCheckedAtOnceMax = 16'384;
constexpr std::size_t kCheckedPerBatchPlace = 4;

// Collects the people of one batch, until it is full.
class Gatherer {
 public:
  Gatherer(const BatchInput& input, const Ledger& ledger, Operation operation)
      : input_(input), scope_(scope_of(input, ledger, operation)), shared_(input, ledger) {
    step_.sorted.run = scope_.run;
  }

  SharedPlan& shared() { return shared_; }
  const BatchScope& scope() const { return scope_; }
  bool full() const {
    return full_ || members_.size() >= input_.composer.people_max(scope_.operation);
  }
  PlannedStep& step() { return step_; }
  bool identifies(const Person& person) const {
    return input_.composer.identifies(scope_, person);
  }
  std::uint64_t digest(const Person& person) const {
    return input_.composer.digest(scope_, person);
  }

  // `as_known` is what the destination knows of them afterwards.
  void add(Ordinal ordinal, const Person& person, const Person& as_known) {
    BatchMember member{
        .ordinal = ordinal, .text = input_.composer.member(scope_, person), .known = {}};
    if (scope_.operation != Operation::Remove) {
      const bool is_told = &as_known == &person && input_.composer.digests_text();
      member.digest = is_told ? hash64(member.text) : input_.composer.digest(scope_, as_known);
      member.known = input_.composer.known(as_known);
      member.name = input_.composer.name_digest(as_known, member.known);
      member.identifier = shared_.identifier(as_known);
    }
    if (input_.composer.is_own_form()) {
      tell(input_.events, scope_.operation, ordinal, member.text);
    }
    bytes_ += member.text.size() + 1;
    full_ = !members_.empty() && bytes_ > input_.composer.bytes_max();
    if (full_) return;  // The next batch begins with them.
    if (members_.empty()) envelope_ = input_.composer.envelope(scope_, person);
    shared_.take(ordinal, member.identifier);
    members_.push_back(std::move(member));
  }

  // Of who is added or changed; where nothing is to be sent of them now, that is sorted.
  bool sends(Ordinal ordinal, const Person& as_known) {
    const std::uint64_t identifier = shared_.identifier(as_known);
    switch (shared_.place_of(ordinal, identifier)) {
      case SharedPlan::Place::Sends: return true;
      case SharedPlan::Place::Waits: step_.sorted.waiting.add(ordinal); return false;
      case SharedPlan::Place::Follows: break;
    }
    step_.sorted.following.add(ordinal);
    step_.sorted.identifiers.push_back(identifier);
    return false;
  }

  PlannedStep take() {
    if (members_.empty()) return std::move(step_);
    step_.batch = compose(envelope_, members_, scope_.operation,
                          input_.gzip && takes_gzip(envelope_.request), &step_.body);
    step_.batch->run = scope_.run;
    step_.batch->id = input_.id;
    return std::move(step_);
  }

 private:
  // A request without a body has nothing to compress.
  bool takes_gzip(const PlannedRequest& request) const {
    return request.method.empty() || !members_.front().text.empty() || !envelope_.prefix.empty();
  }

  const BatchInput& input_;
  BatchScope scope_;
  SharedPlan shared_;
  PlannedStep step_;
  Envelope envelope_;
  std::vector<BatchMember> members_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

void add_changes(const EventRows* rows, std::span<const Ordinal> ordinals,
                 std::vector<Person>& people) {
  if (rows == nullptr) return;
  for (std::size_t i = 0; i < people.size(); ++i) {
    const auto row = rows->find(ordinals[i]);
    if (row != rows->end()) people[i].change = &row->second;
  }
}

// Who took over an identifier and was never sent by it: as it was sent of somebody else.
Status name_by_identifier(const BatchInput& input, const Ledger& ledger,
                          std::span<const Ordinal> ordinals, std::vector<Person>& people) {
  std::unordered_set<std::uint64_t> wanted;
  const auto lacks = [&](std::size_t i) {
    const std::uint64_t identifier = ledger.identifiers().held_by(ordinals[i]);
    const bool has_it = people[i].values.size() == input.composer.mapping().size() &&
                        input.composer.identifier(people[i]) == identifier;
    return identifier == 0 || has_it ? 0 : identifier;
  };
  for (std::size_t i = 0; i < ordinals.size(); ++i) wanted.insert(lacks(i));
  wanted.erase(0);
  if (wanted.empty() || !input.composer.shares_identifiers()) return Ok{};
  TRY_ASSIGN(const auto sent, sent_by({input.journal, input.stream}, wanted));
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto found = sent.find(lacks(i));
    if (found != sent.end()) people[i] = found->second.as_person(input.composer.mapping());
  }
  return Ok{};
}

// Those who are to be removed, as the destination knows them: as they are now, where that is what
// was sent last, else as it was sent.
Result<std::vector<Person>> people_as_known(const BatchInput& input, const Ledger& ledger,
                                            const BatchScope& scope,
                                            std::span<const Ordinal> ordinals) {
  if (!input.composer.removes_by_values()) {
    TRY_ASSIGN(std::vector<std::string> ids,
               profile_ids(input.audience, input.moment, {input.journal, input.stream}, ordinals));
    std::vector<Person> people;
    for (std::string& id : ids) people.push_back({.id = std::move(id), .values = {}});
    return people;
  }
  TRY_ASSIGN(std::vector<Person> people, people_of(input, ordinals));
  Bitmap differing;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const bool as_sent = !people[i].id.empty() &&
                         input.composer.digest(scope, people[i]) == ledger.digest(ordinals[i]);
    if (!as_sent) differing.add(ordinals[i]);
  }
  if (differing.empty()) return people;
  TRY_ASSIGN(const auto known, last_sent({input.journal, input.stream}, differing));
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto found = known.find(ordinals[i]);
    if (found != known.end()) people[i] = found->second.as_person(input.composer.mapping());
  }
  TRY(name_by_identifier(input, ledger, ordinals, people));
  return people;
}

// The same; who was erased, by the name that was kept for it.
Result<std::vector<Person>> people_to_remove(const BatchInput& input, const Ledger& ledger,
                                             const BatchScope& scope,
                                             std::span<const Ordinal> ordinals) {
  std::vector<Ordinal> others;
  for (const Ordinal ordinal : ordinals) {
    if (!input.kept.contains(ordinal)) others.push_back(ordinal);
  }
  TRY_ASSIGN(std::vector<Person> found, people_as_known(input, ledger, scope, others));
  if (others.size() == ordinals.size()) return found;
  std::vector<Person> people;
  std::size_t next = 0;
  for (const Ordinal ordinal : ordinals) {
    const auto kept = input.kept.find(ordinal);
    people.push_back(kept == input.kept.end()
                         ? std::move(found[next++])
                         : kept->second.as_person(input.composer.mapping()));
  }
  return people;
}

Result<PlannedStep> plan_removals(const BatchInput& input, const Ledger& ledger) {
  TRY(input.composer.takes(Operation::Remove));
  const std::vector<Ordinal> ordinals =
      ledger.to_remove().slice(0, input.composer.people_max(Operation::Remove));
  Gatherer gatherer(input, ledger, Operation::Remove);
  TRY_ASSIGN(std::vector<Person> people,
             people_to_remove(input, ledger, gatherer.scope(), ordinals));
  add_changes(input.events, ordinals, people);
  for (std::size_t i = 0; i < ordinals.size() && !gatherer.full(); ++i) {
    TRY_ASSIGN(const std::optional<Ordinal> heir, gatherer.shared().heir_of(ordinals[i]));
    if (heir) {
      gatherer.step().sorted.handed.add(ordinals[i]);
      if (*heir != ordinals[i]) gatherer.step().sorted.heirs.add(*heir);
    } else if (gatherer.identifies(people[i])) {
      gatherer.add(ordinals[i], people[i], people[i]);
    } else {  // Nobody knows any more who that was.
      gatherer.step().sorted.nameless.add(ordinals[i]);
    }
  }
  return gatherer.take();
}

bool differ(const MappedValue& a, const MappedValue& b) {
  JsonWriter first, second;
  write_value(first, a);
  write_value(second, b);
  return first.str() != second.str();
}

// Who of those that are held would keep, at the destination, something they are known by there and
// nowhere else any more.
Result<Bitmap> renamed(const BatchInput& input, const Ledger& ledger,
                       std::span<const Ordinal> ordinals, const std::vector<Person>& people) {
  Bitmap found;
  const bool removes = input.sync.mode == SyncMode::Diff || input.sync.mode == SyncMode::Mirror;
  if (!removes || !input.composer.removes_by_values()) return found;
  Bitmap other;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const std::uint64_t before = ledger.name_digest(ordinals[i]);
    if (before == 0 || people[i].id.empty() || !ledger.held().contains(ordinals[i])) continue;
    const std::string known = input.composer.known(people[i]);
    if (input.composer.name_digest(people[i], known) != before) other.add(ordinals[i]);
  }
  if (other.empty()) return found;
  TRY_ASSIGN(const auto sent, last_sent({input.journal, input.stream}, other));
  const BatchScope scope = scope_of(input, ledger, Operation::Remove);
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto as_sent = sent.find(ordinals[i]);
    if (as_sent == sent.end()) continue;
    const Person all = as_sent->second.as_person(input.composer.mapping());
    if (!input.composer.identifies(scope, all)) continue;  // There is nothing to remove them by.
    TRY_ASSIGN(const KnownPerson name, parse_known(input.composer.name(all)));
    const Person before = name.as_person(input.composer.mapping());
    for (std::size_t value = 0; value < before.values.size(); ++value) {
      const bool was_there = !before.values[value].is_absent();
      if (was_there && differ(before.values[value], people[i].values[value])) {
        found.add(ordinals[i]);
      }
    }
  }
  return found;
}

// Somebody who was refused may be there by what they were known by then: that goes first.
bool may_be_there_by_another(const BatchInput& input, const Ledger& ledger, Ordinal ordinal,
                             const Person& person) {
  const std::uint64_t before = ledger.identifiers().held_by(ordinal);
  const bool removes = input.sync.mode == SyncMode::Diff || input.sync.mode == SyncMode::Mirror;
  return before != 0 && removes && ledger.maybe_held().contains(ordinal) &&
         input.composer.identifier(person) != before;
}

Result<PlannedStep> plan_adds(const BatchInput& input, const Ledger& ledger,
                              std::span<const Ordinal> ordinals) {
  TRY(input.composer.takes(Operation::Add));
  if (is_straight(input)) {
    return plan_straight(input, ledger, Operation::Add, ordinals);
  }
  TRY_ASSIGN(std::vector<Person> people, people_of(input, ordinals));
  add_changes(input.events, ordinals, people);
  Gatherer gatherer(input, ledger, Operation::Add);
  TRY_ASSIGN(const Bitmap others, renamed(input, ledger, ordinals, people));
  for (std::size_t i = 0; i < ordinals.size() && !gatherer.full(); ++i) {
    if (others.contains(ordinals[i])) {
      gatherer.step().sorted.renamed.add(ordinals[i]);
    } else if (gatherer.identifies(people[i])) {
      if (may_be_there_by_another(input, ledger, ordinals[i], people[i])) {
        gatherer.step().sorted.renamed.add(ordinals[i]);
        continue;
      }
      if (gatherer.sends(ordinals[i], people[i])) gatherer.add(ordinals[i], people[i], people[i]);
    } else if (stays_as_is(input, ledger, ordinals[i])) {
      gatherer.step().sorted.unchanged.add(ordinals[i]);
    } else {
      gatherer.step().sorted.unidentifiable.add(ordinals[i]);
    }
  }
  return gatherer.take();
}

// With the values that somebody no longer has as the destination keeps them.
void fill_absent(Person& person, const Person& known) {
  for (std::size_t i = 0; i < person.values.size(); ++i) {
    if (person.values[i].is_absent()) person.values[i] = known.values[i];
  }
}

// What the destination has of each, once it knows the values they have now; empty: just those.
Result<std::vector<Person>> as_kept(const BatchInput& input, const Ledger& ledger,
                                    const BatchScope& scope, std::span<const Ordinal> ordinals,
                                    const std::vector<Person>& people) {
  if (input.sync.nulls != Nulls::Keep) return std::vector<Person>();
  std::vector<Person> kept = people;
  Bitmap differing;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const std::vector<MappedValue>& values = people[i].values;
    const bool lacks = std::any_of(values.begin(), values.end(),
                                   [](const MappedValue& value) { return value.is_absent(); });
    if (lacks && input.composer.digest(scope, people[i]) != ledger.digest(ordinals[i])) {
      differing.add(ordinals[i]);
    }
  }
  if (differing.empty()) return kept;
  TRY_ASSIGN(const auto known, last_sent({input.journal, input.stream}, differing));
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto found = known.find(ordinals[i]);
    if (found == known.end()) continue;
    fill_absent(kept[i], found->second.as_person(input.composer.mapping()));
  }
  return kept;
}

// Somebody is known by something else from here on, and another one is sent by that: what they
// were known by is to go.
bool follows_another(Gatherer& gatherer, const Ledger& ledger, Ordinal ordinal,
                     const Person& as_known) {
  const std::uint64_t before = ledger.identifiers().held_by(ordinal);
  const std::uint64_t after = gatherer.shared().identifier(as_known);
  return before != 0 && after != before &&
         gatherer.shared().place_of(ordinal, after) == SharedPlan::Place::Follows;
}

bool waits(Gatherer& gatherer, Ordinal ordinal, const Person& as_known) {
  return gatherer.shared().place_of(ordinal, gatherer.shared().identifier(as_known)) ==
         SharedPlan::Place::Waits;
}

Result<PlannedStep> plan_changes(const BatchInput& input, const Ledger& ledger) {
  TRY(input.composer.takes(Operation::Change));
  const std::size_t places = input.composer.people_max(Operation::Change);
  const std::vector<Ordinal> ordinals = ledger.to_check().slice(
      0, std::min(kCheckedAtOnceMax, kCheckedPerBatchPlace * places));
  if (is_straight(input)) {
    return plan_straight(input, ledger, Operation::Change, ordinals);
  }
  TRY_ASSIGN(const std::vector<Person> people, people_of(input, ordinals));
  Gatherer gatherer(input, ledger, Operation::Change);
  TRY_ASSIGN(const std::vector<Person> kept,
             as_kept(input, ledger, gatherer.scope(), ordinals, people));
  TRY_ASSIGN(const Bitmap others, renamed(input, ledger, ordinals, kept.empty() ? people : kept));
  for (std::size_t i = 0; i < ordinals.size() && !gatherer.full(); ++i) {
    const Person& as_known = kept.empty() ? people[i] : kept[i];
    if (others.contains(ordinals[i]) && gatherer.identifies(people[i])) {
      gatherer.step().sorted.renamed.add(ordinals[i]);
    } else if (!gatherer.identifies(people[i])) {
      gatherer.step().sorted.unidentifiable.add(ordinals[i]);
    } else if (gatherer.digest(as_known) == ledger.digest(ordinals[i])) {
      gatherer.step().sorted.unchanged.add(ordinals[i]);
    } else if (follows_another(gatherer, ledger, ordinals[i], as_known)) {
      gatherer.step().sorted.renamed.add(ordinals[i]);
    } else if (waits(gatherer, ordinals[i], as_known)) {
      gatherer.step().sorted.waiting.add(ordinals[i]);
    } else {
      gatherer.add(ordinals[i], people[i], as_known);
    }
  }
  return gatherer.take();
}

}  // namespace

RunStarted plan_run(const RunInput& input, const Ledger& ledger) {
  RunStarted run{.run = input.run, .requested_at = input.requested_at, .at = input.at,
                 .snapshot = input.audience.snapshot, .sync_version = input.sync_version};
  run.audience = input.audience.members;
  Bitmap wanted = run.audience;
  for (const auto& [segment, people] : input.excluded) {
    run.excluded.emplace_back(segment, intersect(wanted, people));
    wanted = subtract(wanted, people);
  }
  run.split_key = input.assignment.key;
  run.assigned = input.assignment.fresh;
  run.held_out = input.assignment.held_out;
  for (const auto& [arm, people] : run.held_out) wanted = subtract(wanted, people);
  Bitmap unsettled;
  for (const auto& [id, batch] : ledger.batches()) {
    unsettled = unite(unsettled, batch.plan.people);
  }
  run.blocked = intersect(wanted, unsettled);
  const Bitmap target = subtract(wanted, unsettled);
  const Bitmap held = intersect(target, ledger.held());
  run.whole = input.whole || (input.sync.mode == SyncMode::Mirror &&
                              ledger.whole_version() != input.sync_version);
  run.add = run.whole ? target : subtract(target, ledger.held());
  if (input.sync.mode == SyncMode::Append) {
    if (!run.whole) run.already = held;
    return run;
  }
  if (!run.whole) run.check = held;
  run.remove = subtract(subtract(unite(ledger.held(), ledger.maybe_held()), wanted), unsettled);
  return run;
}

Result<PlannedStep> plan_step(const BatchInput& input, const Ledger& ledger) {
  CHECK(ledger.run_active() && !ledger.all_planned());
  // Who comes with an identifier takes it over from who leaves: then it is not removed.
  const bool comes_first = input.composer.shares_identifiers() && input.events == nullptr;
  const bool all_came = ledger.to_add().empty() && ledger.to_check().empty();
  if (!ledger.to_remove().empty() && (!comes_first || all_came)) {
    return plan_removals(input, ledger);
  }
  if (ledger.to_add().empty()) return plan_changes(input, ledger);
  return plan_adds(input, ledger,
                   ledger.to_add().slice(0, input.composer.people_max(Operation::Add)));
}

std::vector<std::vector<Ordinal>> shares_to_add(const BatchInput& input, const Ledger& ledger,
                                                std::size_t most) {
  std::vector<std::vector<Ordinal>> shares;
  const bool in_any_order = ledger.to_remove().empty() && input.composer.takes(Operation::Add) &&
                            !input.composer.shares_identifiers();
  if (!in_any_order) return shares;
  const std::size_t places = input.composer.people_max(Operation::Add);
  Ordinal from = 0;
  while (shares.size() < most) {
    std::vector<Ordinal> share = ledger.to_add().slice(from, places);
    if (share.empty()) break;
    from = share.back() + 1;
    shares.push_back(std::move(share));
    if (from == 0) break;  // The last ordinal there is.
  }
  return shares;
}

Result<PlannedStep> plan_share(const BatchInput& input, const Ledger& ledger,
                               std::span<const Ordinal> share) {
  return plan_adds(input, ledger, share);
}

}  // namespace muster::connect
