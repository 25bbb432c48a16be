// Asks as the engine does: text read, bound and counted, from the events or from what is kept.
//
// The people begin as they were built; fresh events and the clock move them on. What was asked
// twice is kept in the engine's own table (engine/kept_predicates.h).
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "bench/language_population.h"
#include "engine/kept_predicates.h"
#include "query/query.h"

namespace muster::bench {

enum class From : std::uint8_t { Events, Kept };

struct AskerOptions {
  unsigned threads = 1;
  double patience_seconds = 30;  // For one question, by the wall clock.
  bool is_sabotaged = false;  // Slowed down on purpose: everything from the events, many times.
};

class Asker {
 public:
  Asker(std::shared_ptr<const index::Generation> generation, const AskerOptions& options);

  // How many people.  Errors: those of the language; LimitExceeded when patience ran out.
  Result<std::uint64_t> ask(std::string_view where, From from);
  // The same from the events, with other patience.
  Result<std::uint64_t> ask_within(std::string_view where, double seconds);
  // What answering from the events is expected to take, in seconds.  Errors: those of the language.
  Result<double> expected(std::string_view where);
  // Counts at every clause.
  Status count_clauses(std::string_view where, From from);
  // 1,000 events of random people in the last second.
  void bring_fresh_events();
  void move_clock() { now_ += kSecondMs; }

 private:
  Result<std::uint64_t> ask_once(std::string_view where, From from, double patience_seconds);
  query::BindContext context(From from);

  std::shared_ptr<const index::Generation> generation_;
  AskerOptions options_;
  TimeMs now_ = kLanguageNow;
  SeededRandom random_{2};
  engine::KeptPredicates kept_;
  std::shared_ptr<query::ObjectStore> objects_ = query::make_object_store();
};

}  // namespace muster::bench
