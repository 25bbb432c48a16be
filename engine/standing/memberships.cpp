#include "engine/standing/memberships.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/segment_document.h"
#include "engine/standing/shape.h"
#include "query/language/language.h"

namespace muster::engine {

using Generation = std::shared_ptr<const index::Generation>;

// What the saved segments of one set of documents come to.
class Memberships::Definitions {
 public:
  struct Condition {
    query::NodePtr tree;
    std::string timezone;
    std::optional<query::EventTest> test;
    bool is_ranked = false;
    bool is_moving = false;  // The clock changes its answer.
  };
  struct Segment {
    std::string id;
    query::NodePtr tree;
    std::string timezone;
    bool is_whole = false;  // It could not be bound: it is asked as one, if it can be by then.
    Shape shape;            // Else.
  };

  Definitions(const Generation& generation, TimeMs now, const BindingContext& context)
      : documents_(generation->documents),
        schema_(generation->schema),
        names_(names_of(*generation)),
        context_(context) {
    for (const auto& [key, versions] : documents_) {
      if (key.first == "segment" && !versions->back()->deleted) {
        add(key.second, *versions->back(), generation, now);
      }
    }
    numbers_.clear();
    // Tests that read the same events stand together.
    for (std::uint32_t i = 0; i < conditions_.size(); ++i) {
      if (conditions_[i].test) tests_.push_back(i);
    }
    std::sort(tests_.begin(), tests_.end(), [this](std::uint32_t a, std::uint32_t b) {
      return std::pair(conditions_[a].test->sum_key(), a) <
             std::pair(conditions_[b].test->sum_key(), b);
    });
  }

  bool are_of(const index::Generation& generation) const {
    return documents_.is_same(generation.documents) && schema_ == generation.schema &&
           names_ == names_of(generation);
  }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<Condition>& conditions() const { return conditions_; }
  // The numbers of conditions with tests, in the order of asking.
  const std::vector<std::uint32_t>& tests() const { return tests_; }

 private:
  void add(const std::string& id, const index::StoredDocument& document,
           const Generation& generation, TimeMs now) {
    const auto parsed = parse_segment(document.json);
    if (!parsed) return;
    const auto tree = parse_where(parsed->where);
    if (!tree) return;
    Segment& segment = segments_.emplace_back();
    segment = {.id = id, .tree = *tree, .timezone = parsed->timezone, .shape = {}};
    const query::BindContext context = context_(generation, now, parsed->timezone);
    segment.is_whole = !query::bind(*tree, context);
    if (segment.is_whole) return;
    const auto number_of = [&](const query::NodePtr& condition, const std::string& timezone) {
      return number(condition, timezone, generation, now);
    };
    segment.shape = Shape::of(*tree, parsed->timezone, context, number_of);
  }

  // How many things have names: another number, other meanings.
  static std::size_t names_of(const index::Generation& generation) {
    return generation.events.size() + generation.entities.size() +
           generation.profiles.attributes.size();
  }

  std::uint32_t number(const query::NodePtr& tree, const std::string& timezone,
                       const Generation& generation, TimeMs now) {
    // Documents that it names have one version each here.
    const auto [at, is_new] =
        numbers_.try_emplace({query::print(query::canonical(tree)), timezone},
                             static_cast<std::uint32_t>(conditions_.size()));
    if (!is_new) return at->second;
    Condition made{.tree = tree, .timezone = timezone, .test = {}};
    const query::BindContext context = context_(generation, now, timezone);
    if (const auto bound = query::bind(tree, context)) {
      made.test = query::EventTest::of(**bound);
      made.is_ranked = query::is_ranked(**bound);
      const query::Uses uses = query::uses_of(tree, context);
      const query::Clockwork clock(**bound, uses);
      // The first of the windows is the clock itself, by which events of the future come true.
      made.is_moving = clock.is_beyond() || clock.windows().size() > 1 || uses.any_event ||
                       !uses.events.empty();
    } else {
      made.is_moving = true;  // Nobody knows yet.
    }
    conditions_.push_back(std::move(made));
    return at->second;
  }

  const decltype(index::Generation::documents) documents_;
  const std::shared_ptr<const index::Schema> schema_;
  const std::size_t names_;
  const BindingContext& context_;
  std::vector<Segment> segments_;
  std::vector<Condition> conditions_;
  std::vector<std::uint32_t> tests_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> numbers_;
};

// The same for one state: what has to be bound there is bound once.
class Memberships::Asking {
 public:
  Asking(Generation generation, std::shared_ptr<const Definitions> definitions,
         const BindingContext& context)
      : generation_(std::move(generation)),
        definitions_(std::move(definitions)),
        context_(context),
        bound_(definitions_->conditions().size()) {
    for (const std::uint32_t number : definitions_->tests()) {
      if (test_of(number).fits(*generation_)) tests_.push_back(number);
    }
  }

  const Generation& generation() const { return generation_; }
  const std::shared_ptr<const Definitions>& definitions() const { return definitions_; }

  std::vector<std::string> ask(index::Ordinal person, TimeMs now) const {
    // By condition: 0, 1, or that there is no answer.
    std::vector<std::uint8_t> answers(bound_.size(), kUnasked);
    query::PeopleList who;
    who.assign({&person, 1});
    query::PeopleAsked asked(*generation_);
    asked.move_to(who);
    ask_tests(asked, now, answers);
    // What is read for one question is known by its address: none goes before the last is asked.
    std::vector<query::BoundQueryPtr> questions;
    for (std::uint32_t i = 0; i < answers.size(); ++i) {
      if (answers[i] != kUnasked) continue;
      questions.push_back(question(i, now));
      answers[i] = ask_one(i, questions.back(), asked, person);
    }
    std::vector<std::string> found;
    std::vector<std::uint8_t> stack;
    for (const Definitions::Segment& segment : definitions_->segments()) {
      const auto numbers = segment.shape.conditions();
      const bool is_whole = segment.is_whole ||
                            std::any_of(numbers.begin(), numbers.end(), [&](std::uint32_t i) {
                              return answers[i] == kNoAnswer;
                            });
      if (is_whole ? is_in(segment, person, now) : segment.shape.holds(answers, stack)) {
        found.push_back(segment.id);
      }
    }
    return found;
  }

 private:
  static constexpr std::uint8_t kNoAnswer = 2, kUnasked = 3;
  struct Bound {
    std::once_flag once;
    query::BoundQueryPtr query;  // Null: it cannot be bound.
  };

  const query::EventTest& test_of(std::uint32_t number) const {
    return *definitions_->conditions()[number].test;
  }

  void ask_tests(query::PeopleAsked& asked, TimeMs now, std::vector<std::uint8_t>& answers) const {
    std::vector<query::EventTest> tests;
    tests.reserve(tests_.size());
    std::vector<const query::EventTest*> places;
    places.reserve(tests_.size());
    for (const std::uint32_t number : tests_) {
      tests.push_back(test_of(number));
      tests.back().move_to(now);
      places.push_back(&tests.back());
    }
    std::vector<std::optional<query::PeopleMask>> masks(tests.size());
    asked.ask(places, masks);
    for (std::size_t i = 0; i < tests_.size(); ++i) {
      if (masks[i]) answers[tests_[i]] = (*masks[i])[0] & 1;
    }
  }

  // Null: it cannot be bound.
  query::BoundQueryPtr question(std::uint32_t number, TimeMs now) const {
    const Definitions::Condition& condition = definitions_->conditions()[number];
    if (condition.is_moving) return bind(condition.tree, condition.timezone, now);
    Bound& bound = bound_[number];
    std::call_once(bound.once, [&] {
      bound.query = bind(condition.tree, condition.timezone, now);
    });
    return bound.query;
  }

  std::uint8_t ask_one(std::uint32_t number, const query::BoundQueryPtr& query,
                       query::PeopleAsked& asked, index::Ordinal person) const {
    if (!query) return kNoAnswer;
    if (definitions_->conditions()[number].is_ranked) {
      const auto holds = query::contains(*query, person);
      return !holds ? kNoAnswer : static_cast<std::uint8_t>(*holds);
    }
    const auto mask = asked.ask(*query);
    return !mask ? kNoAnswer : static_cast<std::uint8_t>((*mask)[0] & 1);
  }

  bool is_in(const Definitions::Segment& segment, index::Ordinal person, TimeMs now) const {
    const query::BoundQueryPtr query = bind(segment.tree, segment.timezone, now);
    if (!query) return false;
    const auto holds = query::contains(*query, person);
    return holds && *holds;
  }

  query::BoundQueryPtr bind(const query::NodePtr& tree, const std::string& timezone,
                            TimeMs now) const {
    auto made = query::bind(tree, context_(generation_, now, timezone));
    return made ? std::move(*made) : nullptr;
  }

  const Generation generation_;
  const std::shared_ptr<const Definitions> definitions_;
  const BindingContext& context_;
  std::vector<std::uint32_t> tests_;   // Whose test says it here, in the order of asking.
  mutable std::vector<Bound> bound_;   // By condition.
};

Memberships::Memberships(BindingContext context) : context_(std::move(context)) {}
Memberships::~Memberships() = default;

std::shared_ptr<const Memberships::Definitions> Memberships::definitions_of(
    const Generation& generation, TimeMs now) {
  const auto known = [&]() -> std::shared_ptr<const Definitions> {
    const std::lock_guard held(mutex_);
    return definitions_ && definitions_->are_of(*generation) ? definitions_ : nullptr;
  };
  if (auto found = known()) return found;
  const std::lock_guard making(making_);  // Who comes meanwhile waits for the same.
  if (auto found = known()) return found;
  auto made = std::make_shared<const Definitions>(generation, now, context_);
  const std::lock_guard held(mutex_);
  definitions_ = made;
  return made;
}

std::shared_ptr<const Memberships::Asking> Memberships::asking(const Generation& generation,
                                                               TimeMs now) {
  {
    const std::lock_guard held(mutex_);
    if (newest_ && newest_->generation() == generation) return newest_;
  }
  auto made = std::make_shared<const Asking>(generation, definitions_of(generation, now), context_);
  std::shared_ptr<const Asking> before;  // Released outside the lock: it may hold a state.
  const std::lock_guard held(mutex_);
  // A state from before is asked by who holds it, and kept for nobody.
  const std::uint64_t known = newest_ ? newest_->generation()->sequence : 0;
  if (generation->sequence >= std::max(known, published_)) {
    before = std::exchange(newest_, made);
  }
  return made;
}

std::vector<std::string> Memberships::of(const Generation& generation, index::Ordinal person,
                                         TimeMs now) {
  return asking(generation, now)->ask(person, now);
}

void Memberships::let_go_of_others(const Generation& generation) {
  std::shared_ptr<const Asking> before;
  const std::lock_guard held(mutex_);
  published_ = generation->sequence;
  if (newest_ && newest_->generation() != generation) before = std::exchange(newest_, nullptr);
}

}  // namespace muster::engine
