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
#include "engine/standing/cohorts.h"
#include "engine/standing/member_set.h"
#include "engine/standing/person_rows.h"
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
  std::optional<std::uint32_t> column;   // The same people in the rows; nothing: not in them.
  std::optional<query::EventTest> test;  // Nothing: it is bound for each update.

  // Conditions are asked in this order: tests that count the same events in the same window, or add
  // up the same of them, are neighbours.
  std::uint32_t rank = 0;
  double asked = 0;  // People since the cost was shared out (engine/standing/upkeep_cost.h).

  // Of the update under way.
  bool is_asked = false;       // It has been prepared to be asked.
  bool is_new = false;         // It was not there before; flips are another one's.
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

  // --- An update ---------------------------------------------------------------------------------

  // Erased people pass nothing.
  void drop(std::span<const index::Ordinal> people);
  // New fields: another type, another meaning of the clock.
  void bind_again(const StateAt& moment);
  // People whom the clock has moved, perhaps, at conditions that it moves beyond windows.
  struct Suspects {
    std::vector<index::Ordinal> people;      // Ascending.
    std::vector<std::uint32_t> conditions;  // Those that it does not are left out.
  };
  // Brings all of them to this moment and notes who flipped.
  void follow(const index::Touched& touched, const TouchedPeople& why,
              std::span<const Suspects> suspects, TimeMs before, const StateAt& moment);
  // Whom the update under way has asked, everybody once, and where they flipped.
  std::span<const Cohort> cohorts() const { return cohorts_; }
  bool is_anew(const Cohort& cohort) const;
  // Who of some people is there for a condition.  Requires that they are looked at, and no flip of
  // theirs since.
  void look_at(const query::PeopleList& people) { rows_.look_at(people); }
  query::PeopleMask mask_of(std::uint32_t condition, const query::PeopleList& people) const;
  // Bytes of the rows.
  std::uint64_t row_bytes() const { return rows_.bytes(); }
  // Why somebody of the cohort flipped at a condition; nothing where nothing could change it.
  std::optional<Cause> cause_of(const Cohort& cohort, std::uint32_t condition,
                                index::Ordinal person) const;
  // By place: the cause of each, whatever the condition.  Requires a cohort of one topic.
  void causes_of(const Cohort& cohort, std::vector<Cause>& causes) const;
  // Forgets the flips, and what holds the state.
  void end_update();
  // Counts people asked from nothing again.
  void forget_asked();

 private:
  using Numbers = std::vector<std::uint32_t>;

  void learn(Condition& condition, const StateAt& moment);
  void give_people(Condition& condition, const index::Bitmap& people);
  // Before it is asked by an update.
  void prepare(std::uint32_t number, const StateAt& moment);
  const query::BoundQuery* bound(Condition& condition, const StateAt& moment);
  index::Bitmap ask_everybody(Condition& condition, const StateAt& moment);

  // --- engine/standing/topics.cpp ---
  void add_touched(const index::Touched& touched, const TouchedPeople& why,
                   const StateAt& moment);
  void add_attributes(const TouchedPeople& why);
  void add_references(const StateAt& moment);
  void add_clock(const index::Touched& touched, TimeMs before, const StateAt& moment);
  void add_topic(Topic topic);
  bool covers(const Topic& topic, std::uint32_t condition) const;
  void order(Numbers& numbers) const;  // By rank, each once.

  // --- engine/standing/asking.cpp ---
  void ask(Cohort& cohort, query::PeopleAsked& people, const StateAt& moment);
  Numbers conditions_of(const Cohort& cohort) const;
  // What the people have at it. Only those are taken for whom something could change it.
  void take(Condition& condition, std::uint32_t number, const query::PeopleMask& is,
            Cohort& cohort);
  query::PeopleMask concerned(const Cohort& cohort, std::uint32_t number) const;

  // What fails for anybody has no answers until it is asked again of everybody, now and then.
  void fail(Condition& condition, std::string why, TimeMs now);
  void retry_failed(const StateAt& moment);
  Numbers open() const;
  void index_uses(const index::Generation& generation);
  void rank_all();
  void index_windows(std::uint32_t number, const index::Generation& generation);
  // In the order of asking.
  const Numbers& with_event(const std::string& name) const;
  const Numbers& with_attribute(const std::string& name);

  const BindingContext context_;
  const unsigned threads_;
  std::vector<Condition> all_;
  PersonRows rows_;
  Numbers free_;
  std::unordered_map<std::string, std::uint32_t> by_key_;  // Text, zone, versions of documents.

  // What depends on what; of so many tables and attributes.
  bool is_indexed_ = false;
  std::size_t tables_ = 0, attributes_ = 0;
  std::unordered_map<std::string, Numbers> by_event_;  // Those about any event among them.
  Numbers by_any_event_;
  std::map<std::string, Numbers> by_field_;
  std::unordered_map<std::string, Numbers> by_attribute_;  // Those that were asked for.
  query::MovingWindows windows_;
  std::vector<Numbers> by_window_;

  Numbers asked_;  // By the update under way.
  std::vector<Topic> topics_;
  std::vector<Cohort> cohorts_;
  // Memory of asking.
  query::PeopleList list_;
  std::vector<const query::EventTest*> tests_;
  std::vector<std::optional<query::PeopleMask>> answers_;
  std::uint64_t failures_ = 0;
};

// The versions of all documents that something names: another text, another meaning.
std::string versions_of(const query::Uses& uses, const index::Generation& generation);

}  // namespace muster::engine
