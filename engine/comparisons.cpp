#include "engine/comparisons.h"

#include <algorithm>

#include "engine/impl.h"
#include "engine/question_parts.h"
#include "engine/segment_document.h"
#include "engine/standing/segment_histories.h"
#include "query/overlap.h"

namespace muster::engine {
namespace {

std::string name_of(const OverlapLayer& layer) {
  return layer.segment.empty() ? layer.name : layer.segment;
}

// "segment 2, 'buyers': ..." in front of what is wrong with one of several.
Error within(const OverlapLayer& layer, std::size_t number, Error error) {
  error.message =
      "segment " + std::to_string(number) + ", '" + name_of(layer) + "': " + error.message;
  return error;
}

Status check_layers(const std::vector<OverlapLayer>& layers) {
  const auto refused = [](std::string message) {
    return Error{ErrorCode::InvalidArgument, std::move(message)};
  };
  if (layers.size() < query::kOverlapSegmentsMin || layers.size() > query::kOverlapSegmentsMax) {
    return refused("an overlap is of " + std::to_string(query::kOverlapSegmentsMin) + " to " +
                   std::to_string(query::kOverlapSegmentsMax) + " segments, and " +
                   std::to_string(layers.size()) + " are given");
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (std::size_t before = 0; before < i; ++before) {
      if (name_of(layers[i]) != name_of(layers[before])) continue;
      return refused("segments " + std::to_string(before + 1) + " and " + std::to_string(i + 1) +
                     " are both named '" + name_of(layers[i]) +
                     "'; the answer tells them apart by name");
    }
  }
  return Ok{};
}

// What the numbers of exclusive intersections say of each two segments.
std::vector<std::vector<std::uint64_t>> shared(const std::vector<std::uint64_t>& people,
                                               std::size_t layers) {
  std::vector<std::vector<std::uint64_t>> both(layers, std::vector<std::uint64_t>(layers));
  for (std::size_t pattern = 1; pattern < people.size(); ++pattern) {
    for (std::size_t i = 0; i < layers; ++i) {
      for (std::size_t j = 0; j < layers; ++j) {
        if ((pattern >> i) & (pattern >> j) & 1) both[i][j] += people[pattern];
      }
    }
  }
  return both;
}

std::vector<OverlapRow> rows_of(const std::vector<std::uint64_t>& people, std::size_t layers) {
  std::vector<OverlapRow> rows;
  for (std::size_t pattern = 1; pattern < people.size(); ++pattern) {
    if (people[pattern] == 0) continue;
    OverlapRow row{.layers = {}, .people = people[pattern]};
    for (std::size_t i = 0; i < layers; ++i) {
      if ((pattern >> i) & 1) row.layers.push_back(i);
    }
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, [](const OverlapRow& a, const OverlapRow& b) {
    return a.people != b.people ? a.people > b.people : a.layers < b.layers;
  });
  return rows;
}

}  // namespace

Result<BreakdownAnswer> Engine::break_down(const Pass<Permission::Query>&,
                                           const BreakdownRequest& request) const {
  const Stopwatch watch;
  const Question& question = request.question;
  const query::Budget budget = budget_of(question);
  TRY_ASSIGN(const auto generation, impl_->state_for(question.where, budget));
  BreakdownAnswer answer;
  answer.count.as_of = question.as_of.value_or(impl_->now());
  TRY_ASSIGN(const auto bound, impl_->bind(question, generation, answer.count.as_of,
                                             impl_->kept_for(question)));
  const query::BindContext context =
      impl_->context(generation, answer.count.as_of, question.timezone);
  TRY(affordable(query::cost_of(*bound), question, impl_->parts.threads));
  query::KeptMade made;
  TRY_ASSIGN(auto found, query::break_down(*bound,
                                           {.fields = request.fields,
                                            .rows_max = request.rows_max,
                                            .zone = context.zone,
                                            .allow_unknown = question.allow_unknown},
                                           budget, {impl_->parts.threads}, &made));
  impl_->predicates.take(made, moment_of(question));
  answer.count.count = found.people;
  answer.count.cut_in_tie = query::cut_in_tie(*bound);
  answer.count.snapshot = generation->sequence;
  answer.count.universe = generation->profiles.live.count();
  answer.fields = std::move(found.fields);
  answer.count.took_us = watch.us();
  return answer;
}

// A saved segment as a whole, in its own zone; an expression in that of the request.
Result<query::BoundQueryPtr> Engine::Impl::bind_layer(
    const OverlapLayer& layer, const Question& question,
    const std::shared_ptr<const index::Generation>& generation, TimeMs at) {
  query::BindContext made = context(generation, at, question.timezone);
  made.allow_unknown = question.allow_unknown;
  made.kept = kept_for(question);
  if (layer.segment.empty()) {
    TRY_ASSIGN(const query::NodePtr tree, parse_where(layer.where));
    return query::bind(tree, made);
  }
  TRY_ASSIGN(const auto saved,
             saved_segment(*generation, layer.segment, 0, made.workspace_zone));
  made.zone = saved.zone;
  return query::bind(saved.tree, made);
}

Result<OverlapAnswer> Engine::overlap(const Pass<Permission::Query>&,
                                      const OverlapRequest& request) const {
  const Stopwatch watch;
  const Question& question = request.question;
  TRY(check_layers(request.layers));
  if (!question.timezone.empty()) TRY(Zone::named(question.timezone));
  const query::Budget budget = budget_of(question);
  std::set<std::string> moved;
  for (const OverlapLayer& layer : request.layers) moved.merge(moves_in(layer.where));
  TRY_ASSIGN(const auto generation, impl_->state_with(moved, budget));
  OverlapAnswer answer;
  answer.as_of = question.as_of.value_or(impl_->now());
  std::vector<query::BoundQueryPtr> bound;
  for (const OverlapLayer& layer : request.layers) {
    auto one = impl_->bind_layer(layer, question, generation, answer.as_of);
    if (!one) return within(layer, bound.size() + 1, std::move(one.error()));
    bound.push_back(std::move(*one));
    answer.names.push_back(name_of(layer));
  }
  TRY(affordable(query::cost_of(bound), question, impl_->parts.threads));
  std::vector<query::KeptMade> made;
  TRY_ASSIGN(const auto people, query::count_patterns(bound, budget,
                                                      {impl_->parts.threads}, &made));
  for (query::KeptMade& of_layer : made) impl_->predicates.take(of_layer, moment_of(question));
  answer.snapshot = generation->sequence;
  answer.universe = generation->profiles.live.count();
  answer.both = shared(people, bound.size());
  answer.rows = rows_of(people, bound.size());
  for (std::size_t i = 0; i < answer.rows.size(); ++i) {
    answer.in_any += answer.rows[i].people;
    if (i < request.rows_max) continue;
    ++answer.other_rows;
    answer.other_people += answer.rows[i].people;
  }
  if (answer.rows.size() > request.rows_max) answer.rows.resize(request.rows_max);
  answer.took_us = watch.us();
  return answer;
}

}  // namespace muster::engine
