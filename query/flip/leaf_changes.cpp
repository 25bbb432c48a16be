#include "query/flip/leaf_changes.h"

#include <algorithm>

#include "query/flip/likely_events.h"
#include "query/plan/resolver.h"

namespace muster::query {
namespace {

using index::EventRecord;
using index::FieldValue;

using Changes = std::vector<Change>;

// Events of the person that are tried one by one.
constexpr std::size_t kRemovedAloneMax = 60;
constexpr std::size_t kTimesMax = 24;
constexpr std::size_t kTimesOfSeveralMax = 4;
constexpr std::size_t kVariantsOfSeveralMax = 4;
constexpr std::int64_t kAddedMax = 32;

Change attribute_change(const std::string& name, const FieldValue& value) {
  Change change{.kind = ChangeKind::SetAttribute, .name = name, .value = value, .event = {}};
  if (value.values.empty()) change.kind = ChangeKind::RemoveAttribute;
  return change;
}

Change event_change(ChangeKind kind, EventRecord event) {
  return {.kind = kind, .name = "", .value = {}, .event = std::move(event)};
}

Changes additions(const std::vector<EventRecord>& events) {
  Changes changes;
  for (const EventRecord& event : events) {
    changes.push_back(event_change(ChangeKind::AddEvent, event));
  }
  return changes;
}

// Whether a count is compared with a number: as few events as it takes are the fewest changes.
bool is_plain_count(const Node& leaf) {
  if (leaf.kind == NodeKind::Did) return leaf.events.per == nullptr;
  if (leaf.kind != NodeKind::CompareTest) return false;
  const Node& subject = *leaf.children[0];
  return subject.kind == NodeKind::Aggregate && subject.aggregate == AggregateKind::Count &&
         subject.has_events && !subject.events.per && subject.children.empty() &&
         leaf.children[1]->kind == NodeKind::LiteralValue;
}

class Search {
 public:
  Search(const NodePtr& leaf, bool wanted, const Hints& hints, const Filling& filling)
      : leaf_(leaf), wanted_(wanted), hints_(hints), filling_(filling) {
    times_ = likely_times(hints, filling.person, filling.clock);
    // Events later than now do not count.
    std::erase_if(times_, [&](TimeMs time) { return time > filling.clock.now; });
    if (times_.size() > kTimesMax) times_.resize(kTimesMax);
    for (const EventRecord& event : filling.person.events) {
      const bool is_asked_for = std::any_of(
          hints.uses.begin(), hints.uses.end(),
          [&](const EventUse& use) { return is_named(use.events, event.name); });
      if (is_asked_for) asked_.push_back(event);
    }
    std::stable_sort(asked_.begin(), asked_.end(),
                     [](const auto& a, const auto& b) { return a.time > b.time; });
  }

  std::optional<LeafChanges> find() {
    if (by_attributes() || by_lists() || by_one_event_less() || by_one_event_more()) {
      return LeafChanges{found_, true};
    }
    if (by_chains() || by_several_events() || by_other_history()) {
      return LeafChanges{found_, is_plain_count(*leaf_)};
    }
    if (with_what_is_missing()) return LeafChanges{found_, false};
    return std::nullopt;
  }

 private:
  bool works(Changes changes) {
    changes.insert(changes.begin(), before_.begin(), before_.end());
    index::PersonRecord person = filling_.person;
    for (const Change& change : changes) apply(change, person);
    if (filling_.what_if.holds(leaf_, filling_.clock.zone, person) != wanted_) return false;
    found_ = std::move(changes);
    return true;
  }

  bool by_attributes() {
    const Form form{.prefixes = {"profiles."},
                    .holds = [&](const NodePtr& test, const index::FieldValues& fields) {
                      index::PersonRecord person = filling_.person;
                      person.attributes = fields;
                      return filling_.what_if.holds(test, filling_.clock.zone, person);
                    }};
    const index::FieldValues& now = filling_.person.attributes;
    for (const NodePtr& condition : hints_.objects) {
      for (const FieldValue& list : object_lists(condition, form, filling_, now)) {
        if (works({attribute_change(joined(condition->path), list)})) return true;
      }
    }
    for (const Path& path : hints_.paths) {
      const auto choice = choice_of(path, form, filling_, hints_, now);
      if (!choice) continue;
      for (const FieldValue& value : choice->values) {
        if (works({attribute_change(choice->name, value)})) return true;
      }
    }
    return false;
  }

  bool by_lists() {
    for (const std::string& list : hints_.lists) {
      const bool is_in = filling_.person.lists.contains(list);
      if (works({{.kind = is_in ? ChangeKind::LeaveList : ChangeKind::JoinList, .name = list,
                  .value = {}, .event = {}}})) {
        return true;
      }
    }
    return false;
  }

  bool by_one_event_less() {
    for (std::size_t i = 0; i < std::min(asked_.size(), kRemovedAloneMax); ++i) {
      if (works({event_change(ChangeKind::RemoveEvent, asked_[i])})) return true;
    }
    return false;
  }

  // Calls visit(variants of an event at one time) until it returns true.
  template <typename Visit>
  bool for_likely_events(std::size_t times_max, const Visit& visit) {
    for (const EventUse& use : hints_.uses) {
      for (const std::string& name : names_of(use.events, filling_.what_if.generation())) {
        for (std::size_t i = 0; i < std::min(times_.size(), times_max); ++i) {
          if (filling_.what_if.is_spent()) return false;
          const auto event = matching_event(use.events, name, times_[i], filling_);
          if (!event) break;
          if (visit(variants(*event, use, hints_, filling_))) return true;
        }
      }
    }
    return false;
  }

  bool by_one_event_more() {
    return for_likely_events(kTimesMax, [&](const std::vector<EventRecord>& events) {
      return std::any_of(events.begin(), events.end(), [&](const EventRecord& event) {
        return works({event_change(ChangeKind::AddEvent, event)});
      });
    });
  }

  bool by_chains() {
    for (const NodePtr& sequence : hints_.sequences) {
      for (const TimeMs end : times_) {
        const auto events = chain(sequence, end, filling_);
        if (!events.empty() && works(additions(events))) return true;
      }
    }
    return false;
  }

  // How many more a condition may ask for.
  std::int64_t added_max() const {
    std::int64_t most = 3;
    for (const Literal& literal : hints_.literals) {
      const auto* number = std::get_if<Decimal>(&literal);
      if (number && number->scale == 0) most = std::max(most, number->mantissa + 1);
    }
    return std::min(most, kAddedMax);
  }

  // The newest or the oldest `count` events gone.
  bool by_fewer(std::size_t count) {
    if (count > asked_.size()) return false;
    for (const bool newest : {true, false}) {
      Changes changes;
      for (std::size_t i = 0; i < count; ++i) {
        changes.push_back(event_change(ChangeKind::RemoveEvent,
                                       asked_[newest ? i : asked_.size() - 1 - i]));
      }
      if (works(std::move(changes))) return true;
    }
    return false;
  }

  bool by_more(std::size_t count) {
    return for_likely_events(kTimesOfSeveralMax, [&](const std::vector<EventRecord>& events) {
      for (std::size_t which = 0; which < std::min(events.size(), kVariantsOfSeveralMax); ++which) {
        for (const Copies how : {Copies::Alike, Copies::OtherValues, Copies::OtherDays}) {
          if (works(additions(copies(events, which, count, how)))) return true;
        }
      }
      return false;
    });
  }

  bool by_several_events() {
    const auto added = static_cast<std::size_t>(added_max());
    for (std::size_t count = 2; count <= std::max(added, asked_.size()); ++count) {
      if (filling_.what_if.is_spent()) return false;
      if (by_fewer(count) || (count <= added && by_more(count))) return true;
    }
    return false;
  }

  // Everything asked for gone, and something else instead.
  bool by_other_history() {
    if (asked_.empty()) return false;
    Changes gone;
    for (const EventRecord& event : asked_) {
      gone.push_back(event_change(ChangeKind::RemoveEvent, event));
    }
    return for_likely_events(kTimesOfSeveralMax, [&](const std::vector<EventRecord>& events) {
      return std::any_of(events.begin(), events.end(), [&](const EventRecord& event) {
        Changes changes = gone;
        changes.push_back(event_change(ChangeKind::AddEvent, event));
        return works(std::move(changes));
      });
    });
  }

  // One change more, once the person has all attributes that are asked about.
  bool with_what_is_missing() {
    const Form form{.prefixes = {"profiles."}, .holds = {}};
    const index::FieldValues& now = filling_.person.attributes;
    for (const Path& path : hints_.paths) {
      const auto choice = choice_of(path, form, filling_, hints_, now);
      if (!choice || choice->values.empty() || now.contains(choice->name)) continue;
      before_.push_back(attribute_change(choice->name, choice->values[0]));
    }
    return !before_.empty() && (by_attributes() || by_one_event_more());
  }

  const NodePtr& leaf_;
  const bool wanted_;
  const Hints& hints_;
  const Filling& filling_;
  std::vector<TimeMs> times_;
  std::vector<EventRecord> asked_;  // Newest first.
  Changes before_;                  // Made before those that are tried.
  Changes found_;
};

}  // namespace

std::optional<LeafChanges> leaf_changes(const NodePtr& leaf, bool wanted, const Hints& hints,
                                        const Filling& filling) {
  return Search(leaf, wanted, hints, filling).find();
}

}  // namespace muster::query
