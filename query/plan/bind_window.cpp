// Windows: tests of times, the events of a window, `since` something of the person, anniversaries.
#include <algorithm>

#include "query/plan/anniversary.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

bool is_moment(ValueKind kind) { return kind == ValueKind::Time || kind == ValueKind::Date; }

// A test of a moment against two others.
BoundNodePtr moments_test(const NodePtr& node, ValueTestKind kind, Values operands,
                          const Zone& zone) {
  BoundNodePtr made = make_node(BoundKind::ValueTest, node);
  made->value_test = kind;
  made->operands = std::move(operands);
  made->zone = zone;
  return made;
}

}  // namespace

BoundValuePtr moment_constant(TimeMs time) {
  auto value = std::make_shared<BoundValue>();
  value->type = ValueKind::Time;
  value->exact = rational_of(time);
  return value;
}

bool has_since_value(const Window& window) {
  return window.kind == WindowKind::Since && window.since->kind != NodeKind::LiteralValue;
}

Result<BoundValuePtr> Binder::since_value(const Window& window, const Scope& scope) {
  TRY_ASSIGN(BoundValuePtr since, value(window.since, scope));
  if (is_moment(since->type) || since->type == ValueKind::Unknown) return since;
  return error_at(ErrorCode::InvalidArgument, window.since->place,
                  "'since' takes a time, and this is " + std::string(describe(since->type)),
                  "a time or a date");
}

Result<TimeRange> Binder::range_now(const Window& window, const Scope& scope,
                                    bool is_anniversary) {
  clock_use_.windows.push_back(
      {.window = window, .zone = scope.zone, .is_anniversary = is_anniversary});
  return range_of(window, context_.now, scope.zone);
}

void Binder::note_subject(const BoundValue& subject) {
  const auto is_stored = [](const BoundValue& value) {
    return value.kind == BoundValueKind::Constant ||
           (value.kind == BoundValueKind::Field && !value.field->lookup);
  };
  bool is_known = is_stored(subject);
  if (subject.kind == BoundValueKind::Aggregate) {
    const auto& sources = subject.aggregate->sources;
    is_known = std::all_of(sources.begin(), sources.end(), [&](const EventSource& source) {
      return !source.value || is_stored(*source.value);
    });
  }
  if (!is_known) clock_use_.beyond_windows = "a window is held against a time that is worked out";
}

Result<EventWindow> Binder::event_window(const std::optional<Window>& window, const Scope& scope) {
  EventWindow made{.range = {.to = context_.now}, .since = nullptr};
  if (!window) return made;
  if (window->kind == WindowKind::InNext) {
    return error_at(ErrorCode::InvalidArgument, window->place,
                    "events later than now do not count, so 'in next' would hold none",
                    "a window in the past");
  }
  if (has_since_value(*window)) {
    TRY_ASSIGN(made.since, since_value(*window, scope));
    // What nothing is known of is missing for everybody: no event is later.
    if (made.since->type == ValueKind::Unknown) made.range.from = kAfterAllTimes;
    return made;
  }
  TRY_ASSIGN(made.range, range_now(*window, scope));
  made.range.to = std::min(made.range.to, context_.now);
  return made;
}

// The window is constants, or begins with a value of the person.
Result<BoundNodePtr> Binder::in_window(const NodePtr& node, const BoundValuePtr& subject,
                                       const Scope& scope, const MomentTest& test) {
  const bool is_unknown = subject->type == ValueKind::Unknown;
  note_subject(*subject);
  if (has_since_value(*node->window)) {
    TRY_ASSIGN(const BoundValuePtr since, since_value(*node->window, scope));
    if (is_unknown || since->type == ValueKind::Unknown) {
      return make_node(BoundKind::Nobody, node);
    }
    // Its end is now.
    clock_use_.windows.push_back(
        {.window = {}, .zone = scope.zone, .is_anniversary = test.is_anniversary});
    return moments_test(node, test.by_values, {subject, since, moment_constant(context_.now)},
                        scope.zone);
  }
  TRY_ASSIGN(const TimeRange range, range_now(*node->window, scope, test.is_anniversary));
  if (is_unknown) return make_node(BoundKind::Nobody, node);
  return meets(node, subject, test.by_constants(subject->type, range, scope.zone));
}

Result<BoundNodePtr> Binder::window_test(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const BoundValuePtr subject, value(node->children.at(0), scope));
  if (!is_moment(subject->type) && subject->type != ValueKind::Unknown) {
    return wrong_kind(node->place, subject->type, ValueKind::Time);
  }
  return in_window(node, subject, scope, {ValueTestKind::Within, window_condition});
}

Result<BoundNodePtr> Binder::anniversary(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const BoundValuePtr subject, path_value(node, scope));
  if (!is_moment(subject->type) && subject->type != ValueKind::Unknown) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "'anniversary' takes a date, and '" + joined(node->path) + "' is " +
                        std::string(describe(subject->type)),
                    "a date or a time");
  }
  return in_window(node, subject, scope,
                   {ValueTestKind::Anniversary, anniversary_condition, true});
}

}  // namespace muster::query
