#include "engine/standing/conditions.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/system_names.h"
#include "query/language/language.h"

namespace muster::engine {

using index::Bitmap;
using index::Ordinal;

namespace {

constexpr std::string_view kOfPeople = "profiles.";
// Between two times that what failed is asked of everybody: at least so long, and so many times as
// long as it took.
constexpr TimeMs kRetryEvery = 1'000, kRetryShareMax = 20;

// Whether an attribute is what a condition asks for, or on the way to it: "crm" of "crm.tier".
bool leads_to(const std::string& attribute, const std::string& field) {
  const std::string& shorter = attribute.size() < field.size() ? attribute : field;
  const std::string& longer = attribute.size() < field.size() ? field : attribute;
  return longer.starts_with(shorter) &&
         (longer.size() == shorter.size() || longer[shorter.size()] == '.');
}

// Whether a path leads over a reference: by the name of its field, or by that of the thing.
bool leads_over(const std::string& path, const index::Schema& schema) {
  for (std::size_t dot = path.find('.'), from = 0; dot != std::string::npos;
       from = dot + 1, dot = path.find('.', from)) {
    const std::string part = path.substr(from, dot - from);
    for (const auto& [field, entity] : schema.references) {
      if (entity == part || field.ends_with("." + part)) return true;
    }
  }
  return false;
}

bool follows_references(const query::Uses& uses, const index::Schema& schema) {
  if (!uses.has_references) return false;
  const auto leads = [&](const std::string& path) { return leads_over(path, schema); };
  return std::any_of(uses.fields.begin(), uses.fields.end(), leads) ||
         std::any_of(uses.event_fields.begin(), uses.event_fields.end(), leads);
}

}  // namespace

std::string versions_of(const query::Uses& uses, const index::Generation& generation) {
  std::string text;
  for (const auto& key : uses.documents) {
    const auto found = generation.documents.find(key);
    const std::uint64_t version =
        found == generation.documents.end() ? 0 : found->second->back()->version;
    text += key.first + " " + key.second + "@" + std::to_string(version) + "\n";
  }
  return text;
}

std::uint32_t Conditions::hold(const query::NodePtr& tree, const std::string& timezone,
                               const StateAt& moment) {
  const query::BindContext context = context_(moment.generation, moment.now, timezone);
  query::Uses uses = query::uses_of(tree, context);
  const std::string key = query::print(query::canonical(tree)) + "\n" + timezone + "\n" +
                          versions_of(uses, *moment.generation);
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    ++all_[known->second].users;
    return known->second;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(all_.size()));
    all_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  Condition& condition = all_[number];
  // Its place in topics that are made already stays.
  const auto rank = condition.rank;
  condition = {.tree = tree, .timezone = timezone, .key = key, .users = 1};
  condition.rank = rank;
  condition.is_new = true;
  condition.uses = std::move(uses);
  by_key_.emplace(key, number);
  is_indexed_ = false;
  learn(condition, moment);
  prepare(number, moment);
  if (condition.is_open()) give_people(condition, ask_everybody(condition, moment));
  return number;
}

void Conditions::let_go(std::uint32_t number) {
  Condition& condition = all_[number];
  if (--condition.users != 0) return;
  by_key_.erase(condition.key);
  if (condition.column) rows_.remove(*condition.column);
  const auto rank = condition.rank;
  condition = {};
  condition.rank = rank;
  free_.push_back(number);
  is_indexed_ = false;
}

void Conditions::clear() {
  asked_.clear();
  topics_.clear();
  cohorts_.clear();
  all_.clear();
  rows_.clear();
  free_.clear();
  by_key_.clear();
  is_indexed_ = false;
}

void Conditions::learn(Condition& condition, const StateAt& moment) {
  condition.bound = nullptr;
  condition.is_test_good = false;  // Another type may have another test.
  condition.uses = query::uses_of(condition.tree,
                                  context_(moment.generation, moment.now, condition.timezone));
  const query::BoundQuery* const query = bound(condition, moment);
  if (query == nullptr) return;
  condition.clock = query::Clockwork(*query, condition.uses);
  condition.is_ranked = query::is_ranked(*query);
  condition.has_references = follows_references(condition.uses, *moment.generation->schema);
}

const query::BoundQuery* Conditions::bound(Condition& condition, const StateAt& moment) {
  if (condition.bound) return condition.bound.get();
  auto made = query::bind(condition.tree,
                          context_(moment.generation, moment.now, condition.timezone));
  if (!made) {
    fail(condition, made.error().message, moment.now);
    return nullptr;
  }
  condition.bound = std::move(*made);
  if (!condition.is_test_good) {
    const bool had_test = condition.test.has_value();
    condition.test = query::EventTest::of(*condition.bound);
    // It stands with others like it from now on.
    if (condition.test && !had_test) is_indexed_ = false;
  }
  return condition.bound.get();
}

void Conditions::prepare(std::uint32_t number, const StateAt& moment) {
  Condition& condition = all_[number];
  if (std::exchange(condition.is_asked, true)) return;
  asked_.push_back(number);
  condition.is_test_good = condition.test && condition.test->fits(*moment.generation);
  if (condition.is_test_good) condition.test->move_to(moment.now);
}

Bitmap Conditions::ask_everybody(Condition& condition, const StateAt& moment) {
  const query::BoundQuery* const query = bound(condition, moment);
  if (query == nullptr) return {};
  auto members = query::members(*query, {}, {threads_});
  if (members) return std::move(*members);
  fail(condition, members.error().message, moment.now);
  return {};
}

void Conditions::fail(Condition& condition, std::string why, TimeMs now) {
  if (condition.failure.empty()) ++failures_;
  condition.failure = std::move(why);
  condition.retry_at = now + kRetryEvery;
}

void Conditions::give_people(Condition& condition, const Bitmap& people) {
  if (condition.column) rows_.remove(*condition.column);
  condition.people = MemberSet(people);
  condition.column = rows_.add(people);
}

void Conditions::drop(std::span<const Ordinal> people) {
  for (const Ordinal person : people) rows_.remove_person(person);
  for (Condition& condition : all_) {
    for (const Ordinal person : people) condition.people.remove(person);
  }
}

void Conditions::bind_again(const StateAt& moment) {
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    Condition& condition = all_[i];
    if (condition.users == 0) continue;
    learn(condition, moment);
    prepare(i, moment);
    condition.retry_at = moment.now;  // A failure may be over with this.
  }
  is_indexed_ = false;
}

void Conditions::end_update() {
  for (const std::uint32_t number : asked_) {
    Condition& condition = all_[number];
    condition.is_asked = condition.is_new = false;
    condition.is_test_good = false;
    condition.bound = nullptr;
  }
  asked_.clear();
  topics_.clear();
  cohorts_.clear();
  rows_.shrink();
  while (!all_.empty() && all_.back().users == 0) all_.pop_back();
  std::erase_if(free_, [this](std::uint32_t number) { return number >= all_.size(); });
  if (all_.capacity() > 4 * all_.size()) all_.shrink_to_fit();
}

Conditions::Numbers Conditions::open() const {
  Numbers numbers;
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    if (all_[i].is_open()) numbers.push_back(i);
  }
  order(numbers);
  return numbers;
}

void Conditions::order(Numbers& numbers) const {
  std::sort(numbers.begin(), numbers.end(),
            [this](std::uint32_t a, std::uint32_t b) { return all_[a].rank < all_[b].rank; });
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

void Conditions::rank_all() {
  std::vector<std::pair<std::string, std::uint32_t>> keys;
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    keys.emplace_back(all_[i].test ? all_[i].test->sum_key() : "", i);
  }
  std::sort(keys.begin(), keys.end());
  for (std::uint32_t rank = 0; rank < keys.size(); ++rank) all_[keys[rank].second].rank = rank;
}

void Conditions::index_uses(const index::Generation& generation) {
  const std::size_t tables = generation.events.size();
  const std::size_t attributes = generation.profiles.attributes.size();
  if (is_indexed_ && tables == tables_ && attributes == attributes_) return;
  is_indexed_ = true;
  tables_ = tables;
  attributes_ = attributes;
  by_event_.clear();
  by_any_event_.clear();
  by_field_.clear();
  by_attribute_.clear();
  windows_.clear();
  by_window_.clear();
  rank_all();
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    if (all_[i].users == 0 || all_[i].is_ranked) continue;
    for (const std::string& name : all_[i].uses.events) by_event_[name].push_back(i);
    if (all_[i].uses.any_event) by_any_event_.push_back(i);
    for (const std::string& field : all_[i].uses.fields) by_field_[field].push_back(i);
    // A thing may be named by its kind: whichever attribute leads there.
    for (const auto& [field, entity] : generation.schema->references) {
      if (!all_[i].has_references || !field.starts_with(kOfPeople)) continue;
      by_field_[field.substr(kOfPeople.size())].push_back(i);
    }
    if (!all_[i].clock.is_beyond()) index_windows(i, generation);
  }
  order(by_any_event_);
  for (auto& [name, numbers] : by_event_) {
    if (!is_system_event(name)) {
      numbers.insert(numbers.end(), by_any_event_.begin(), by_any_event_.end());
    }
    order(numbers);
  }
  for (Numbers& numbers : by_window_) order(numbers);
}

void Conditions::index_windows(std::uint32_t number, const index::Generation& generation) {
  using Over = query::MovingWindows::Over;
  const query::Uses& uses = all_[number].uses;
  const auto add = [&](const query::Clockwork::Window& window, Over over,
                       const std::string& name) {
    const std::uint32_t place = windows_.add(window, over, name);
    if (place >= by_window_.size()) by_window_.resize(place + 1);
    if (by_window_[place].empty() || by_window_[place].back() != number) {
      by_window_[place].push_back(number);
    }
  };
  for (const query::Clockwork::Window& window : all_[number].clock.windows()) {
    for (const auto& [name, table] : generation.events) {
      if (uses.names_event(name)) add(window, Over::Events, name);
    }
    for (const std::string& field : query::times_asked_for(uses, generation)) {
      add(window, Over::Attribute, field);
    }
  }
}

const Conditions::Numbers& Conditions::with_event(const std::string& name) const {
  static const Numbers kNone;
  const auto found = by_event_.find(name);
  if (found != by_event_.end()) return found->second;
  return is_system_event(name) ? kNone : by_any_event_;
}

const Conditions::Numbers& Conditions::with_attribute(const std::string& name) {
  const auto [at, is_new] = by_attribute_.try_emplace(name);
  Numbers& numbers = at->second;
  if (!is_new) return numbers;
  for (const auto& [field, using_it] : by_field_) {
    if (!leads_to(name, field)) continue;
    numbers.insert(numbers.end(), using_it.begin(), using_it.end());
  }
  order(numbers);
  return numbers;
}

void Conditions::forget_asked() {
  for (Condition& condition : all_) condition.asked = 0;
}

void Conditions::retry_failed(const StateAt& moment) {
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    Condition& condition = all_[i];
    if (condition.users == 0 || condition.failure.empty()) continue;
    if (moment.now < condition.retry_at) continue;
    condition.failure.clear();
    const auto begun = std::chrono::steady_clock::now();
    learn(condition, moment);
    prepare(i, moment);
    if (condition.is_open()) give_people(condition, ask_everybody(condition, moment));
    if (condition.failure.empty()) {
      ++failures_;
      continue;
    }
    const auto took = std::chrono::steady_clock::now() - begun;
    const TimeMs ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    condition.retry_at = moment.now + std::max(kRetryEvery, kRetryShareMax * ms);
  }
}

}  // namespace muster::engine
