// The conditions that saved segments share, each with the people who pass it, kept exact commit by
// commit and as the clock goes.
//
// Equal conditions of all segments are one. Whom a commit touched is asked only at the conditions
// that depend on what was touched, and whom an end of a window passed only at those with that
// window. Whoever's answer is another one has flipped: nobody else need be looked at to say who
// entered and left segments.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/standing/member_set.h"
#include "engine/standing/touched_people.h"
#include "index/generation.h"
#include "query/standing.h"

namespace muster::engine {

// The data, and the moment as of which they are asked.
struct StateAt {
  std::shared_ptr<const index::Generation> generation;
  TimeMs now = 0;
};
// What binds a definition of that time zone.
using BindingContext = std::function<query::BindContext(
    std::shared_ptr<const index::Generation> generation, TimeMs now, const std::string& zone)>;

struct Condition {
  struct Flip {
    index::Ordinal person = 0;
    Cause cause;
  };

  query::NodePtr tree;
  std::string timezone;  // "": the workspace's.
  std::string key;
  std::uint32_t users = 0;  // Segments that name it; 0: the number is free.
  query::Uses uses;
  query::Clockwork clock;
  bool is_ranked = false;                // Asked of everybody, and not kept here.
  bool has_references = false;           // Rows of things may change what people have.
  std::string failure;                   // Why it has no answers; "" when it has.
  TimeMs retry_at = 0;                   // After a failure: when everybody is asked again.
  MemberSet people;                      // All of them are there.
  std::optional<query::EventTest> test;  // Nothing: it is bound for each update.

  double asked = 0;  // People since the cost was shared out (engine/standing/upkeep_cost.h).

  // Of the update under way.
  std::vector<Flip> flips;     // Each person once; by person after order_flips().
  bool is_asked = false;       // It has been prepared to be asked.
  bool is_test_good = false;   // The test says it, as of now.
  query::BoundQueryPtr bound;  // Null: not yet.

  bool is_open() const { return users != 0 && !is_ranked && failure.empty(); }
};

class Conditions {
 public:
  Conditions(BindingContext context, unsigned threads)
      : context_(std::move(context)), threads_(threads) {}

  // The number of a condition, for one more user. A new one is asked for everybody.
  std::uint32_t hold(const query::NodePtr& tree, const std::string& timezone,
                     const StateAt& moment);
  // For one user less. What nobody uses is forgotten.
  void let_go(std::uint32_t number);
  const Condition& at(std::uint32_t number) const { return all_[number]; }
  // Numbers are smaller than this.
  std::size_t size() const { return all_.size(); }
  void clear();
  // Another number whenever one of them begins or ends to fail.
  std::uint64_t failures() const { return failures_; }
  // Those where somebody flipped in the update under way.
  std::vector<std::uint32_t> flipped() const;

  // --- An update ---------------------------------------------------------------------------------

  // Erased people pass nothing.
  void drop(std::span<const index::Ordinal> people);
  // New fields: another type, another meaning of the clock.
  void bind_again(const StateAt& moment);
  // Brings all of them to this moment and notes who flipped.
  void follow(const index::Touched& touched, const TouchedPeople& why, TimeMs before,
              const StateAt& moment);
  // The same for people of whom it is not known why: the clock moved them, perhaps.
  void follow_suspects(std::span<const index::Ordinal> people,
                       std::span<const std::uint32_t> conditions, const StateAt& moment);
  // By person, once all have been followed.
  void order_flips();
  // Forgets the flips, and what holds the state.
  void end_update();
  // Counts people asked from nothing again.
  void forget_asked();

 private:
  using Numbers = std::vector<std::uint32_t>;
  // Of the person at that place among the people asked.
  using CauseOf = std::function<Cause(const Condition& condition, index::Ordinal person,
                                      std::size_t place)>;

  void learn(Condition& condition, const StateAt& moment);
  // Before it is asked by an update.
  void prepare(std::uint32_t number, const StateAt& moment);
  const query::BoundQuery* bound(Condition& condition, const StateAt& moment);
  index::Bitmap ask_everybody(Condition& condition, const StateAt& moment);
  // Some people, ascending, about some conditions.
  void ask(std::span<const index::Ordinal> people, std::span<const std::uint32_t> conditions,
           const CauseOf& cause, const StateAt& moment);
  Result<query::PeopleMask> ask_one(Condition& condition, query::PeopleAsked& people,
                                    const StateAt& moment);
  // What some people have at it. `first` is the place of the first of them among all.
  void take(Condition& condition, std::uint32_t block, std::span<const std::uint16_t> people,
            std::size_t first, const query::PeopleMask& is, const CauseOf& cause);
  void follow_clock(TimeMs before, const StateAt& moment);
  // What fails for anybody has no answers until it is asked again of everybody, now and then.
  void fail(Condition& condition, std::string why, TimeMs now);
  void retry_failed(const StateAt& moment);
  void follow_references(const StateAt& moment);
  Numbers open() const;
  void index_uses(const index::Generation& generation);
  void index_windows(std::uint32_t number, const index::Generation& generation);
  Numbers with_event(const std::string& name) const;
  Numbers with_attribute(const std::string& name) const;

  const BindingContext context_;
  const unsigned threads_;
  std::vector<Condition> all_;
  Numbers free_;
  std::unordered_map<std::string, std::uint32_t> by_key_;  // Text, zone, versions of documents.

  // What depends on what; of so many tables and attributes.
  bool is_indexed_ = false;
  std::size_t tables_ = 0, attributes_ = 0;
  std::unordered_map<std::string, Numbers> by_event_;
  Numbers by_any_event_;
  std::map<std::string, Numbers> by_field_;
  query::MovingWindows windows_;
  std::vector<Numbers> by_window_;

  Numbers asked_;  // By the update under way.
  std::uint64_t failures_ = 0;
};

// The versions of all documents that something names: another text, another meaning.
std::string versions_of(const query::Uses& uses, const index::Generation& generation);

}  // namespace muster::engine
