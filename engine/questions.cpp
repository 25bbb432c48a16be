#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/limits.h"
#include "base/text.h"
#include "engine/flip_answer.h"
#include "engine/impl.h"
#include "engine/newcomers.h"
#include "engine/question_parts.h"
#include "engine/segment_document.h"
#include "engine/standing/segment_histories.h"
#include "engine/trait_document.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

constexpr std::size_t kRowsPerCallMax = 65'536;
// What an explanation spends on finding until when it holds, and on what would flip it.
constexpr std::chrono::milliseconds kUntilTime{1'000};
constexpr std::chrono::milliseconds kFlipTime{1'000};
// How far beyond its deadline a question may be expected to go: what is expected is a rough guess.
constexpr double kOverrunMax = 10;
// What a check spends on counting newcomers: somebody is typing.
constexpr std::chrono::milliseconds kNewcomerTime{100};

// A field of rows() that begins so is a trait.
constexpr std::string_view kTraitsPrefix = "traits.";

struct AskedTrait {
  query::NodePtr value;
  query::BindContext context;
};

Result<AskedTrait> asked_trait(query::BindContext context, const std::string& name) {
  TRY_ASSIGN(const auto trait, context.trait(name));
  if (!trait) {
    return Error{ErrorCode::NotFound,
                 "there is no trait " + with_suggestion(name, trait_ids(*context.generation))};
  }
  context.zone = trait->zone;
  return AskedTrait{trait->value, std::move(context)};
}

query::Budget at_most(query::Budget budget, std::chrono::milliseconds time) {
  const auto latest = std::chrono::steady_clock::now() + time;
  budget.deadline = std::min(budget.deadline.value_or(latest), latest);
  return budget;
}

ExplainNode explain_node(query::ExplainedNode&& node) {
  ExplainNode made{std::move(node.text), node.holds, std::move(node.value),
                   std::move(node.events), {}};
  for (auto& child : node.children) made.children.push_back(explain_node(std::move(child)));
  return made;
}

PlanNode plan_node(query::PlannedNode&& node) {
  const query::NodeMeasure& measured = node.measured;
  PlanNode made{std::move(node.text), std::move(node.method), node.estimated,
                measured.people,      measured.blocks,        measured.bytes,
                measured.nanoseconds, {}};
  for (auto& child : node.children) made.children.push_back(plan_node(std::move(child)));
  return made;
}

ClauseNode clause_node(query::ClauseCount&& node) {
  ClauseNode made{std::move(node.text), node.people, node.without, {}};
  for (auto& child : node.children) made.children.push_back(clause_node(std::move(child)));
  return made;
}

std::string seconds_text(double seconds) {
  return seconds < 1 ? std::to_string(std::lround(seconds * 1e3)) + " ms"
                     : std::to_string(std::lround(seconds)) + " s";
}

std::string without_table(const std::string& field) {
  return field.starts_with("profiles.") ? field.substr(9) : field;
}

}  // namespace

Status affordable(const query::Cost& cost, const Question& question, unsigned threads) {
  if (!question.deadline) return Ok{};
  const double expected = static_cast<double>(expected_us(cost, threads)) / 1e6;
  const double allowed = std::chrono::duration<double>(*question.deadline).count();
  if (expected <= allowed * kOverrunMax) return Ok{};
  return Error{ErrorCode::LimitExceeded,
               "the question is expected to take about " + seconds_text(expected) + " and has " +
                   seconds_text(allowed) +
                   "; ask for a shorter window, or for fewer events or people"};
}

query::BindContext Engine::Impl::context(std::shared_ptr<const index::Generation> generation,
                                         TimeMs at, const std::string& timezone) const {
  query::BindContext made;
  if (auto zone = Zone::named(generation->schema->timezone)) made.workspace_zone = *zone;
  made.zone = made.workspace_zone;
  if (auto zone = Zone::named(timezone.empty() ? made.zone.name() : timezone)) made.zone = *zone;
  made.now = at;
  made.objects = objects;
  made.history_since = [generation](const std::string& segment) {
    return engine::history_since(*generation, segment);
  };
  made.segment = [generation, workspace = made.workspace_zone](
                     const std::string& id,
                     std::uint64_t version) -> Result<query::BindContext::Segment> {
    return saved_segment(*generation, id, version, workspace);
  };
  made.trait = [generation, workspace = made.workspace_zone](const std::string& name) {
    return saved_trait(*generation, name, workspace);
  };
  made.trait_names = [generation] { return trait_ids(*generation); };
  made.generation = std::move(generation);
  return made;
}

Result<query::BoundQueryPtr> Engine::Impl::bind(const Question& question,
                                                std::shared_ptr<const index::Generation> generation,
                                                TimeMs at, query::KeptLookup kept) const {
  if (!question.timezone.empty()) TRY(Zone::named(question.timezone));
  TRY_ASSIGN(const query::NodePtr tree, parse_where(question.where));
  query::BindContext made = context(std::move(generation), at, question.timezone);
  made.allow_unknown = question.allow_unknown;
  made.kept = std::move(kept);
  return query::bind(tree, made);
}

query::KeptLookup Engine::Impl::kept_for(const Question& question) {
  if (!question.from_kept || !predicates.is_on()) return {};
  return [this, moment = moment_of(question)](const std::string& key, bool is_saved) {
    return predicates.find(key, is_saved, moment);
  };
}

query::KeptLookup Engine::Impl::kept_already(const Question& question) {
  if (!question.from_kept || !predicates.is_on()) return {};
  return [this, moment = moment_of(question)](const std::string& key, bool) {
    return predicates.peek(key, moment);
  };
}

CheckAnswer Engine::check(const Pass<Permission::Query>&, const Question& question) const {
  CheckAnswer answer;
  const auto tree = parse_where(question.where);
  if (!tree) {
    answer.errors.push_back(tree.error());
    return answer;
  }
  answer.canonical = query::print(query::canonical(*tree));
  answer.json = query::to_json(*tree);
  const Hash128 hash = query::canonical_hash(*tree);
  answer.hash = to_hex({reinterpret_cast<const char*>(&hash), sizeof hash});
  // Somebody is typing: no history is followed for that.
  const auto generation = impl_->generation();
  const TimeMs now = question.as_of.value_or(impl_->now());
  const auto bound = impl_->bind(question, generation, now, impl_->kept_already(question));
  if (!bound) {
    answer.errors.push_back(bound.error());
    return answer;
  }
  answer.valid = true;
  answer.expected_us = expected_us(query::cost_of(**bound), impl_->parts.threads);
  answer.warnings = query::warnings(**bound);
  query::BindContext context = impl_->context(generation, now, question.timezone);
  context.allow_unknown = question.allow_unknown;
  for (std::string& warning :
       newcomer_warnings(*tree, context, at_most(budget_of(question), kNewcomerTime),
                         {impl_->parts.threads})) {
    answer.warnings.push_back(std::move(warning));
  }
  return answer;
}

Result<CountAnswer> Engine::count(const Pass<Permission::Query>&, const Question& question) const {
  const Stopwatch watch;
  const query::Budget budget = budget_of(question);
  TRY_ASSIGN(const auto generation, impl_->state_for(question.where, budget));
  CountAnswer answer;
  answer.as_of = question.as_of.value_or(impl_->now());
  TRY_ASSIGN(const auto bound, impl_->bind(question, generation, answer.as_of,
                                             impl_->kept_for(question)));
  TRY(affordable(query::cost_of(*bound), question, impl_->parts.threads));
  query::KeptMade made;
  TRY_ASSIGN(answer.count,
             query::count(*bound, budget, {impl_->parts.threads}, &made));
  impl_->predicates.take(made, moment_of(question));
  answer.cut_in_tie = query::cut_in_tie(*bound);
  answer.snapshot = generation->sequence;
  answer.universe = generation->profiles.live.count();
  answer.took_us = watch.us();
  return answer;
}

Result<ClausesAnswer> Engine::count_clauses(const Pass<Permission::Query>&,
                                            const Question& question) const {
  const Stopwatch watch;
  const query::Budget budget = budget_of(question);
  TRY_ASSIGN(const auto generation, impl_->state_for(question.where, budget));
  ClausesAnswer answer;
  answer.count.as_of = question.as_of.value_or(impl_->now());
  // The whole is bound too: an error is told about the segment, not about a clause of it.
  TRY(impl_->bind(question, generation, answer.count.as_of));
  TRY_ASSIGN(const query::NodePtr tree, parse_where(question.where));
  query::BindContext context =
      impl_->context(generation, answer.count.as_of, question.timezone);
  context.allow_unknown = question.allow_unknown;
  context.kept = impl_->kept_for(question);
  query::KeptMade made;
  TRY_ASSIGN(auto root, query::count_clauses(tree, context, budget,
                                             {impl_->parts.threads}, &made,
                                             [&](const query::Cost& cost) {
                                               return affordable(cost, question,
                                                                 impl_->parts.threads);
                                             }));
  impl_->predicates.take(made, moment_of(question));
  answer.count.count = root.people;
  answer.count.snapshot = generation->sequence;
  answer.count.universe = generation->profiles.live.count();
  answer.root = clause_node(std::move(root));
  answer.count.took_us = watch.us();
  return answer;
}

Result<MembersAnswer> Engine::members(const Pass<Permission::Members>&,
                                      const Question& question) const {
  const Stopwatch watch;
  const query::Budget budget = budget_of(question);
  MembersAnswer answer;
  TRY_ASSIGN(answer.generation, impl_->state_for(question.where, budget));
  answer.as_of = question.as_of.value_or(impl_->now());
  TRY_ASSIGN(const auto bound, impl_->bind(question, answer.generation, answer.as_of,
                                             impl_->kept_for(question)));
  TRY(affordable(query::cost_of(*bound), question, impl_->parts.threads));
  query::KeptMade made;
  TRY_ASSIGN(answer.members,
             query::members(*bound, budget, {impl_->parts.threads}, &made));
  impl_->predicates.take(made, moment_of(question));
  answer.snapshot = answer.generation->sequence;
  answer.took_us = watch.us();
  return answer;
}

std::vector<bool> Engine::gone(const Pass<Permission::Members>&,
                               std::span<const std::uint32_t> ordinals) const {
  const auto generation = impl_->generation();
  std::vector<bool> gone;
  gone.reserve(ordinals.size());
  for (const std::uint32_t ordinal : ordinals) {
    gone.push_back(!generation->profiles.live.contains(ordinal));
  }
  return gone;
}

Result<std::vector<ProfileRow>> Engine::rows(const Pass<Permission::Members>&,
                                             const MembersAnswer& members,
                                             std::span<const std::uint32_t> ordinals,
                                             const std::vector<std::string>& fields) const {
  if (ordinals.size() > kRowsPerCallMax) {
    return Error{ErrorCode::LimitExceeded, "at most 65,536 profiles are read at once"};
  }
  const index::Table& profiles = members.generation->profiles;
  std::vector<const index::Attribute*> attributes;  // Null for a trait.
  std::vector<AskedTrait> traits;
  for (const std::string& field : fields) {
    if (field.starts_with(kTraitsPrefix)) {
      const std::string name = field.substr(kTraitsPrefix.size());
      TRY_ASSIGN(AskedTrait trait,
                 asked_trait(impl_->context(members.generation, members.as_of, ""), name));
      traits.push_back(std::move(trait));
      attributes.push_back(nullptr);
      continue;
    }
    const index::Attribute* attribute = profiles.attribute(without_table(field));
    if (attribute == nullptr) {
      std::vector<std::string> known;
      for (const auto& [name, unused] : profiles.attributes) known.push_back(name);
      return Error{ErrorCode::NotFound,
                   "profiles have no field " + with_suggestion(without_table(field), known)};
    }
    attributes.push_back(attribute);
  }
  std::vector<ProfileRow> rows;
  rows.reserve(ordinals.size());
  for (const std::uint32_t ordinal : ordinals) {
    ProfileRow row{std::string(profiles.ids.key(ordinal)), {}, {}};
    auto trait = traits.begin();
    for (const index::Attribute* attribute : attributes) {
      if (attribute == nullptr) {
        Value value = Missing{};
        if (profiles.live.contains(ordinal)) {
          TRY_ASSIGN(value, query::value_of(trait->value, trait->context, ordinal));
        }
        ++trait;
        row.values.push_back({std::move(value)});
        row.is_list.push_back(false);
        continue;
      }
      row.values.push_back(attribute->values(ordinal));
      row.is_list.push_back(attribute->type.list);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<Explanation> Engine::explain(const Pass<Permission::Members>&, const Question& question,
                                    std::string_view profile_id, LookForFlip look) const {
  const query::Budget budget = budget_of(question);
  TRY_ASSIGN(const auto generation, impl_->state_for(question.where, budget));
  Explanation answer;
  answer.as_of = question.as_of.value_or(impl_->now());
  TRY_ASSIGN(const auto bound, impl_->bind(question, generation, answer.as_of));
  const auto ordinal = generation->find_profile(profile_id);
  if (!ordinal || !generation->profiles.live.contains(*ordinal)) {
    return Error{ErrorCode::NotFound, "there is no profile with this id"};
  }
  TRY_ASSIGN(auto root, query::explain(*bound, *ordinal, budget));
  const auto bind_at = [&](TimeMs now) { return impl_->bind(question, generation, now); };
  TRY_ASSIGN(query::Until until,
             query::until_when(*bound, *ordinal, bind_at, at_most(budget, kUntilTime)));
  if (look == LookForFlip::Yes) {
    TRY_ASSIGN(const query::NodePtr tree, parse_where(question.where));
    query::BindContext asked = impl_->context(generation, answer.as_of, question.timezone);
    asked.allow_unknown = question.allow_unknown;
    TRY_ASSIGN(const query::Flip flip,
               query::flip(tree, asked, *ordinal, at_most(budget, kFlipTime)));
    answer.flip = flip_answer(flip);
  }
  answer.until = until.at;
  answer.until_unknown = std::move(until.unknown);
  answer.profile_id = profile_id;
  answer.member = root.holds;
  answer.snapshot = generation->sequence;
  answer.root = explain_node(std::move(root));
  return answer;
}

Result<PlanAnswer> Engine::plan(const Pass<Permission::Query>&, const Question& question) const {
  const query::Budget budget = budget_of(question);
  TRY_ASSIGN(const auto generation, impl_->state_for(question.where, budget));
  TRY_ASSIGN(const auto bound,
             impl_->bind(question, generation, question.as_of.value_or(impl_->now()),
                         impl_->kept_for(question)));
  TRY(affordable(query::cost_of(*bound), question, 1));
  query::KeptMade made;
  TRY_ASSIGN(auto plan, query::measured_plan(*bound, budget, &made));
  impl_->predicates.take(made, moment_of(question));
  return PlanAnswer{plan_node(std::move(plan)), generation->sequence,
                    expected_us(query::cost_of(*bound), 1)};
}

}  // namespace muster::engine
