#include "bench/language_asker.h"

#include <chrono>
#include <cmath>

#include "bench/language_index.h"
#include "query/language/language.h"

namespace muster::bench {
namespace {

constexpr std::uint32_t kFreshEvents = 1'000;
constexpr std::uint64_t kKeptBytes = 256U << 20;  // As the engine is opened.
constexpr int kSabotagedAsks = 64;                // Slower than any goal allows.

}  // namespace

Asker::Asker(std::shared_ptr<const index::Generation> generation, const AskerOptions& options)
    : generation_(std::move(generation)), options_(options), kept_(kKeptBytes) {}

Result<std::uint64_t> Asker::ask(std::string_view where, From from) {
  if (!options_.is_sabotaged) return ask_once(where, from, options_.patience_seconds);
  for (int i = 1; i < kSabotagedAsks; ++i) {
    TRY(ask_once(where, From::Events, options_.patience_seconds));
  }
  return ask_once(where, From::Events, options_.patience_seconds);
}

Result<std::uint64_t> Asker::ask_within(std::string_view where, double seconds) {
  return ask_once(where, From::Events, seconds);
}

Result<double> Asker::expected(std::string_view where) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(where));
  TRY_ASSIGN(const query::BoundQueryPtr bound, query::bind(tree, context(From::Events)));
  return query::cost_of(*bound).ns(options_.threads) / 1e9;
}

query::BindContext Asker::context(From from) {
  query::BindContext context{.generation = generation_, .now = now_};
  context.objects = objects_;
  if (from == From::Kept) {
    context.kept = [this](const std::string& key, bool is_saved) {
      return kept_.find(key, is_saved, engine::Moment::Present);
    };
  }
  return context;
}

Result<std::uint64_t> Asker::ask_once(std::string_view where, From from,
                                      double patience_seconds) {
  query::Budget budget;
  budget.deadline = std::chrono::steady_clock::now() +
                    std::chrono::microseconds(std::llround(patience_seconds * 1e6));
  TRY_ASSIGN(const query::NodePtr tree, query::parse(where));
  TRY_ASSIGN(const query::BoundQueryPtr bound, query::bind(tree, context(from)));
  query::KeptMade made;
  TRY_ASSIGN(const std::uint64_t people,
             query::count(*bound, budget, {.threads = options_.threads}, &made));
  kept_.take(made, engine::Moment::Present);
  return people;
}

Status Asker::count_clauses(std::string_view where, From from) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(where));
  query::KeptMade made;
  const int times = options_.is_sabotaged ? kSabotagedAsks : 1;
  for (int i = 0; i < times; ++i) {
    TRY(query::count_clauses(tree, context(from), {}, {.threads = options_.threads}, &made));
  }
  kept_.take(made, engine::Moment::Present);
  return Ok();
}

void Asker::bring_fresh_events() {
  generation_ = with_fresh_events(*generation_, kFreshEvents, now_, random_);
}

}  // namespace muster::bench
