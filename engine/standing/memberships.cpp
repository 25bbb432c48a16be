#include "engine/standing/memberships.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/segment_document.h"
#include "engine/standing/shape_table.h"
#include "query/language/language.h"
#include "query/person_tests.h"

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
    std::vector<query::EventTest> tests;
    for (std::uint32_t i = 0; i < conditions_.size(); ++i) {
      if (!conditions_[i].test) continue;
      tested_.push_back(i);
      tests.push_back(*conditions_[i].test);
    }
    tests_ = query::PersonTests(tests);
    for (std::uint32_t i = 0; i < segments_.size(); ++i) {
      shapes_.add(segments_[i].shape);
      if (segments_[i].is_whole) wholes_.push_back(i);
    }
  }

  bool are_of(const index::Generation& generation) const {
    return documents_.is_same(generation.documents) && schema_ == generation.schema &&
           names_ == names_of(generation);
  }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<Condition>& conditions() const { return conditions_; }
  // By test: the number of its condition.
  const std::vector<std::uint32_t>& tested() const { return tested_; }
  const query::PersonTests& tests() const { return tests_; }
  // By segment; nobody is in those that are whole.
  const ShapeTable& shapes() const { return shapes_; }
  // The numbers of those.
  const std::vector<std::uint32_t>& wholes() const { return wholes_; }

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
  std::vector<std::uint32_t> tested_, wholes_;
  query::PersonTests tests_;
  ShapeTable shapes_;
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
        bound_(definitions_->conditions().size()) {}

  const Generation& generation() const { return generation_; }
  const std::shared_ptr<const Definitions>& definitions() const { return definitions_; }

  std::vector<std::string> ask(index::Ordinal person, TimeMs now) const {
    // By condition: 0, 1, or that there is no answer.
    std::vector<std::uint8_t> answers(bound_.size(), kUnasked);
    query::PeopleList who;
    who.assign({&person, 1});
    query::PeopleAsked asked(*generation_);
    asked.move_to(who);
    ask_tests(person, now, answers);
    // What is read for one question is known by its address: none goes before the last is asked.
    std::vector<query::BoundQueryPtr> questions;
    bool has_failed = false;
    for (std::uint32_t i = 0; i < answers.size(); ++i) {
      if (answers[i] != kUnasked) continue;
      questions.push_back(question(i, now));
      answers[i] = ask_one(i, questions.back(), asked, person);
      has_failed |= answers[i] == kNoAnswer;
    }
    std::vector<std::uint8_t> holds = definitions_->shapes().ask(answers);
    const auto& segments = definitions_->segments();
    for (const std::uint32_t i : has_failed ? without_answer(answers) : definitions_->wholes()) {
      holds[i] = is_in(segments[i], person, now) ? 1 : 0;
    }
    std::vector<std::string> found;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (holds[i] != 0) found.push_back(segments[i].id);
    }
    return found;
  }

 private:
  static constexpr std::uint8_t kNoAnswer = 2, kUnasked = 3;
  struct Bound {
    std::once_flag once;
    query::BoundQueryPtr query;  // Null: it cannot be bound.
  };

  void ask_tests(index::Ordinal person, TimeMs now, std::vector<std::uint8_t>& answers) const {
    const std::vector<std::uint32_t>& tested = definitions_->tested();
    std::vector<std::uint8_t> found(tested.size());
    definitions_->tests().ask(*generation_, person, now, found);
    for (std::size_t i = 0; i < tested.size(); ++i) {
      if (found[i] != query::PersonTests::kUnsaid) answers[tested[i]] = found[i];
    }
  }

  // The segments that have to be asked as a whole.
  std::vector<std::uint32_t> without_answer(std::span<const std::uint8_t> answers) const {
    std::vector<std::uint32_t> found;
    const auto& segments = definitions_->segments();
    for (std::uint32_t i = 0; i < segments.size(); ++i) {
      const auto numbers = segments[i].shape.conditions();
      const bool has_all = std::none_of(numbers.begin(), numbers.end(), [&](std::uint32_t number) {
        return answers[number] == kNoAnswer;
      });
      if (segments[i].is_whole || !has_all) found.push_back(i);
    }
    return found;
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
  mutable std::vector<Bound> bound_;  // By condition.
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
