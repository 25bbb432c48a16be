#include "query/flip/likely_events.h"

#include <algorithm>

#include "base/system_names.h"

namespace muster::query {
namespace {

using index::EventRecord;

constexpr std::size_t kNamesMax = 3;
constexpr std::size_t kVariantsMax = 24;

// The schema keys of an event's properties begin so.
std::vector<std::string> prefixes_of(const std::string& event) { return {event + ".", "*."}; }

NodePtr did(const std::string& name, const NodePtr& where) {
  Node node{.kind = NodeKind::Did};
  node.events.names = {name};
  node.events.where = where;
  return std::make_shared<const Node>(std::move(node));
}

// A sequence of the first steps, the last of them with that condition.
NodePtr first_steps(const Node& sequence, std::size_t count, const std::string& name,
                    const NodePtr& where) {
  Node made{.kind = NodeKind::Sequence};
  made.steps.assign(sequence.steps.begin(),
                    sequence.steps.begin() + static_cast<std::ptrdiff_t>(count));
  SequenceStep& last = made.steps.back();
  last.events.names = {name};
  last.events.any_event = false;
  last.events.where = where;
  return std::make_shared<const Node>(std::move(made));
}

// The events with fields, of which "a.sku" is one of the step named `a`.
std::vector<EventRecord> with_fields(std::vector<EventRecord> events, const Node& sequence,
                                     const index::FieldValues& fields) {
  events.back().properties.clear();
  for (const auto& [name, value] : fields) {
    EventRecord* whose = &events.back();
    std::string own = name;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
      const std::string step = sequence.steps[i].name + ".";
      if (step.size() == 1 || !name.starts_with(step)) continue;
      whose = &events[i];
      own = name.substr(step.size());
    }
    set(whose->properties, own, value);
  }
  return events;
}

// Fills in the last of the events, and of the earlier ones what its condition asks of them.
bool fill_step(const Node& sequence, const NodePtr& where, std::vector<EventRecord>& events,
               const Filling& filling) {
  index::PersonRecord person = filling.person;
  Form form{.prefixes = prefixes_of(events.back().name), .holds = {}};
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const std::string& step = sequence.steps[i].name;
    if (!step.empty()) form.of_steps[step] = prefixes_of(events[i].name);
  }
  form.holds = [&](const NodePtr& test, const index::FieldValues& fields) {
    person.events = with_fields(events, sequence, fields);
    const NodePtr asked = first_steps(sequence, events.size(), events.back().name, test);
    return filling.what_if.holds(asked, filling.clock.zone, person);
  };
  const auto fields = filled(where, true, form, filling, {});
  if (fields) events = with_fields(std::move(events), sequence, *fields);
  return fields.has_value();
}

// Fields that were not asked for get what is likeliest.
void add_values(EventRecord& event, const std::vector<Path>& paths, const Form& form,
                const Hints& hints, const Filling& filling) {
  for (const Path& path : paths) {
    const auto choice = choice_of(path, form, filling, hints, event.properties);
    if (!choice || choice->values.empty() || event.properties.contains(choice->name)) continue;
    set(event.properties, choice->name, choice->values[0]);
  }
}

}  // namespace

std::vector<std::string> names_of(const Events& events, const index::Generation& generation) {
  std::vector<std::string> names = events.names;
  for (const auto& [name, table] : generation.events) {
    if (events.any_event && !is_system_event(name)) names.push_back(name);
  }
  if (names.size() > kNamesMax) names.resize(kNamesMax);
  return names;
}

bool is_named(const Events& events, const std::string& name) {
  if (events.any_event) return !is_system_event(name);
  return std::find(events.names.begin(), events.names.end(), name) != events.names.end();
}

std::optional<EventRecord> matching_event(const Events& events, const std::string& name,
                                          TimeMs time, const Filling& filling) {
  EventRecord event{.name = name, .time = time, .properties = {}};
  if (!events.where) return event;
  index::PersonRecord person = filling.person;
  person.events = {event};
  const Form form{.prefixes = prefixes_of(name),
                  .holds = [&](const NodePtr& test, const index::FieldValues& properties) {
                    person.events[0].properties = properties;
                    return filling.what_if.holds(did(name, test), filling.clock.zone, person);
                  }};
  auto fields = filled(events.where, true, form, filling, {});
  if (!fields) return std::nullopt;
  event.properties = std::move(*fields);
  return event;
}

std::vector<EventRecord> variants(const EventRecord& event, const EventUse& use,
                                  const Hints& hints, const Filling& filling) {
  std::vector<Path> paths = paths_in(use.value);
  for (const NodePtr& part : {use.events.per, use.events.having}) {
    const auto more = paths_in(part);
    paths.insert(paths.end(), more.begin(), more.end());
  }
  if (paths.empty()) return {event};
  const Form form{.prefixes = prefixes_of(event.name), .holds = {}};
  std::vector<EventRecord> made;
  for (const Path& path : paths) {
    const auto choice = choice_of(path, form, filling, hints, event.properties);
    if (!choice) continue;
    for (std::size_t i = 0; i < std::min(choice->values.size(), kVariantsMax); ++i) {
      EventRecord variant = event;
      set(variant.properties, choice->name, choice->values[i]);
      add_values(variant, paths, form, hints, filling);
      made.push_back(std::move(variant));
    }
  }
  if (made.empty()) made.push_back(event);
  return made;
}

std::vector<EventRecord> copies(const std::vector<EventRecord>& variants, std::size_t which,
                                std::size_t count, Copies how) {
  std::vector<EventRecord> made;
  for (std::size_t i = 0; i < count; ++i) {
    EventRecord copy = variants[how == Copies::OtherValues ? (which + i) % variants.size() : which];
    if (how == Copies::OtherDays) copy.time -= static_cast<TimeMs>(i) * kDayMs;
    made.push_back(std::move(copy));
  }
  return made;
}

std::vector<EventRecord> chain(const NodePtr& sequence, TimeMs end, const Filling& filling) {
  TimeMs gap = 1'000;
  if (sequence->within) gap = std::min(gap, sequence->within->ms());
  for (const SequenceStep& step : sequence->steps) {
    if (step.within) gap = std::min(gap, step.within->ms());
  }
  const std::size_t steps = sequence->steps.size();
  gap = std::max<TimeMs>(1, gap / static_cast<TimeMs>(steps));
  std::vector<EventRecord> made;
  for (std::size_t i = 0; i < steps; ++i) {
    const Events& events = sequence->steps[i].events;
    const auto names = names_of(events, filling.what_if.generation());
    if (names.empty()) return {};
    EventRecord event{.name = names[0],
                      .time = end - gap * static_cast<TimeMs>(steps - 1 - i),
                      .properties = {}};
    made.push_back(std::move(event));
    if (events.where && !fill_step(*sequence, events.where, made, filling)) return {};
  }
  return made;
}

}  // namespace muster::query
