// Whom the clock moves: events and times that an end of a window has passed.
//
// Runs of events are sorted by time, so that those which an end passed between two moments are a
// stretch of rows: nothing has to be remembered for each person.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>

#include "query/execute/moving_end.h"
#include "query/execute/slots.h"
#include "query/language/language.h"
#include "query/plan/bound.h"
#include "query/standing.h"

namespace muster::query {
namespace {

// Different windows of one question that are followed; of more, everybody is asked.
constexpr std::size_t kWindowsMax = 256;

bool is_time(const index::FieldType& type) {
  return type.type == Type::Timestamp || type.type == Type::Date;
}

// Whether the events of the question have times of their own that it may hold against a window;
// declared ones may come later.
bool asks_for_event_times(const index::Generation& generation, const Uses& uses) {
  const auto is_time_of = [&](const std::string& event, const std::string& field) {
    const index::Field* const known = generation.schema->field(event + "." + field);
    return known != nullptr && is_time(known->type);
  };
  for (const std::string& field : uses.event_fields) {
    if (is_time_of("*", field)) return true;
    for (const std::string& event : uses.events) {
      if (is_time_of(event, field)) return true;
    }
  }
  for (const auto& [key, field] : generation.schema->fields) {
    if (!uses.any_event || !is_time(field.type) || key.starts_with("profiles.")) continue;
    const bool is_asked =
        std::any_of(uses.event_fields.begin(), uses.event_fields.end(),
                    [&](const std::string& name) { return key.ends_with("." + name); });
    if (is_asked) return true;
  }
  for (const auto& [name, table] : generation.events) {
    if (!uses.names_event(name)) continue;
    for (const std::string& field : uses.event_fields) {
      const index::EventProperty* const property = table->property(field);
      if (property != nullptr && is_time(property->type)) return true;
    }
  }
  return false;
}

bool asks_for_lists_of_times(const index::Generation& generation, const Uses& uses) {
  for (const std::string& field : uses.fields) {
    const index::Field* const known = generation.schema->field("profiles." + field);
    if (known != nullptr && known->type.list && is_time(known->type)) return true;
  }
  return std::any_of(uses.fields.begin(), uses.fields.end(), [&](const std::string& field) {
    const index::Attribute* const attribute = generation.profiles.attribute(field);
    return attribute != nullptr && attribute->type.list && is_time(attribute->type);
  });
}

// One end of a window on its way.
class MovingEnd {
 public:
  MovingEnd(const ClockUse::Moving& moving, bool is_from, TimeMs before, TimeMs now)
      : moving_(moving), is_from_(is_from), before_(before), now_(now) {
    const TimeMs was = end_at(moving, is_from, before), is = end_at(moving, is_from, now);
    // The beginning has passed a time when it is behind it, the end when it has reached it.
    first_ = is_from ? was : was + 1;
    last_ = is_from ? is - 1 : is;
  }

  bool is_idle() const { return first_ > last_; }
  // The times that were passed, both belonging.
  TimeMs first() const { return first_; }
  TimeMs last() const { return last_; }
  const Zone& zone() const { return moving_.zone; }
  // When it passed that one of them.
  TimeMs moment_of(TimeMs time) const {
    return first_moment_at(moving_, is_from_, is_from_ ? time + 1 : time, before_, now_);
  }

 private:
  const ClockUse::Moving& moving_;
  const bool is_from_;
  const TimeMs before_, now_;
  TimeMs first_ = 0, last_ = 0;
};

// Returns the time of the first event behind those that were passed; kNever: there is none.
constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();
TimeMs add_of_events(const index::EventTable& table, const MovingEnd& end,
                     std::vector<Moved>& moved) {
  if (end.first() > table.newest) return kNever;
  if (end.last() < table.oldest) return table.oldest;
  TimeMs next = kNever;
  for (std::uint32_t b = 0; b < table.blocks.size(); ++b) {
    const index::EventBlock* const block = table.block(b);
    if (block == nullptr) continue;
    for (const auto& run : block->runs) {
      if (end.first() > run->time.max()) continue;
      const auto [from, to] = run->time.within(end.first(), end.last());
      for (std::uint32_t row = from; row < to; ++row) {
        moved.push_back({b * index::kBlockSize + run->person[row],
                         end.moment_of(run->time.at(row))});
      }
      if (to < run->rows) next = std::min(next, run->time.at(to));
    }
  }
  return next;
}

// The keys of times are milliseconds, those of days whole days, passed as they begin.
void add_of_values(const index::Attribute& attribute, const MovingEnd& end,
                   std::vector<Moved>& moved) {
  const bool is_days = attribute.type.type == Type::Date;
  const auto moment = [&](std::int64_t key) {
    return is_days ? end.zone().start_of(Date{static_cast<std::int32_t>(key)}) : key;
  };
  std::int64_t low = end.first(), high = end.last();
  if (is_days) {
    const DayRange days = days_starting_in({end.first(), end.last()}, end.zone());
    low = days.from.days;
    high = days.to.days;
  }
  std::array<std::uint64_t, index::kPageWords> passed;
  for (std::uint32_t b = 0; b < attribute.single.blocks(); ++b) {
    const index::ColumnBlock* const block = attribute.single.block(b);
    if (block == nullptr || block->max < low || block->min > high) continue;
    for (std::uint32_t p = 0; p < block->pages.size(); ++p) {
      const index::Page* const page = block->pages[p].get();
      if (page == nullptr) continue;
      page->select_range(low, high, passed);
      for_each_bit(passed, [&](std::uint32_t i) {
        moved.push_back({b * index::kBlockSize + p * index::kPageSize + i,
                         end.moment_of(moment(page->at(i)))});
      });
    }
  }
}

// The new events of one name.
struct NewEvents {
  std::span<const index::Touched::ByEvent> events;
  TimeMs oldest = 0, newest = 0;
};
using NewsByName = std::map<std::string, NewEvents>;

NewsByName news_of(const index::Touched& touched) {
  NewsByName news;
  for (const auto& [name, events] : touched.events) {
    if (events.empty()) continue;
    const auto [oldest, newest] = std::minmax_element(
        events.begin(), events.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
    news[name] = {events, oldest->time, newest->time};
  }
  return news;
}

// Whether events only came, and none went or is somebody else's now.
bool only_came(const index::Touched& touched) {
  return touched.erased.empty() && touched.forgotten.empty() && touched.joined.empty() &&
         !touched.is_everybody;
}

// The earliest of them behind a moment.
TimeMs first_behind(const NewEvents& news, TimeMs moment) {
  if (news.newest <= moment) return kNever;
  if (news.oldest > moment) return news.oldest;
  TimeMs first = kNever;
  for (const auto& event : news.events) {
    if (event.time > moment) first = std::min(first, event.time);
  }
  return first;
}

}  // namespace

Clockwork::Clockwork(const BoundQuery& query, const Uses& uses) {
  bool is_anniversary = false;
  for (ClockUse::Moving& moving : different_windows(query.clock_use, kWindowsMax)) {
    is_anniversary |= moving.is_anniversary;
    std::string key = key_of(moving);
    windows_.push_back({std::move(moving), std::move(key)});
  }
  const bool has_windows = !query.clock_use.windows.empty();
  is_beyond_ = !query.clock_use.beyond_windows.empty() || !query.rankings.empty() ||
               is_anniversary || windows_.size() > kWindowsMax ||
               (has_windows && (asks_for_event_times(*query.generation, uses) ||
                                asks_for_lists_of_times(*query.generation, uses)));
}

class MovingWindows::Impl {
 public:
  std::uint32_t add(const Clockwork::Window& window, Over over, const std::string& name) {
    const auto [number, is_new] =
        by_key_.emplace(std::tuple(window.key, over, name), static_cast<std::uint32_t>(
                                                                by_key_.size()));
    if (!is_new) return number->second;
    const auto known =
        std::find_if(windows_.begin(), windows_.end(),
                     [&](const Window& each) { return each.key == window.key; });
    Window& mine = known == windows_.end() ? windows_.emplace_back() : *known;
    mine.key = window.key;
    mine.moving = window.moving;
    mine.followed.push_back({.number = number->second, .over = over, .name = name});
    return number->second;
  }

  void clear() {
    windows_.clear();
    by_key_.clear();
  }

  std::vector<Passed> move(const index::Generation& generation, const index::Touched& touched,
                           TimeMs before, TimeMs now) {
    std::vector<Passed> all;
    const NewsByName news = news_of(touched);
    const bool only_came_new = only_came(touched);
    for (Window& window : windows_) {
      const Ends ends = {MovingEnd(window.moving, true, before, now),
                         MovingEnd(window.moving, false, before, now)};
      for (Followed& followed : window.followed) {
        Passed passed{followed.number, {}};
        if (followed.over == Over::Events) {
          const auto table = generation.events.find(followed.name);
          if (table == generation.events.end()) continue;
          take_news(table->second, only_came_new, news, ends, followed);
          pass_events(*table->second, ends, followed, passed.people);
        } else if (const auto* attribute = generation.profiles.attribute(followed.name)) {
          for (const MovingEnd& end : ends) {
            if (!end.is_idle()) add_of_values(*attribute, end, passed.people);
          }
        }
        if (passed.people.empty()) continue;
        std::sort(passed.people.begin(), passed.people.end(), [](const Moved& a, const Moved& b) {
          return std::tie(a.person, a.at) < std::tie(b.person, b.at);
        });
        all.push_back(std::move(passed));
      }
    }
    return all;
  }

 private:
  using Ends = std::array<MovingEnd, 2>;
  struct Followed {
    std::uint32_t number = 0;
    Over over = Over::Events;
    std::string name;
    // The events for which `next` holds: the ends pass nobody before they come to these times.
    std::weak_ptr<const index::EventTable> table = {};
    std::uint64_t rows = 0;  // Of that table.
    std::array<TimeMs, 2> next = {kBeforeAllTimes, kBeforeAllTimes};
  };
  struct Window {
    std::string key;
    ClockUse::Moving moving;
    std::vector<Followed> followed;
  };

  // Whose the new events between two moments are is asked for them anyway; of those behind the
  // ends the first counts. After anything else all events are looked at again.
  static void take_news(const std::shared_ptr<const index::EventTable>& table, bool only_came_new,
                        const NewsByName& all_news, const Ends& ends, Followed& followed) {
    if (followed.table.lock() == table) return;
    const auto news = all_news.find(followed.name);
    const std::uint64_t came = news == all_news.end() ? 0 : news->second.events.size();
    const bool is_known = only_came_new && came != 0 && table->count == followed.rows + came;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      followed.next[i] =
          is_known ? std::min(followed.next[i], first_behind(news->second, ends[i].last()))
                   : kBeforeAllTimes;
    }
    followed.table = table;
    followed.rows = table->count;
  }

  static void pass_events(const index::EventTable& table, const Ends& ends, Followed& followed,
                          std::vector<Moved>& moved) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].is_idle() || ends[i].last() < followed.next[i]) continue;
      followed.next[i] = add_of_events(table, ends[i], moved);
    }
  }

  std::vector<Window> windows_;
  std::map<std::tuple<std::string, Over, std::string>, std::uint32_t> by_key_;
};

MovingWindows::MovingWindows() : impl_(std::make_unique<Impl>()) {}
MovingWindows::~MovingWindows() = default;

std::uint32_t MovingWindows::add(const Clockwork::Window& window, Over over,
                                 const std::string& name) {
  return impl_->add(window, over, name);
}
void MovingWindows::clear() { impl_->clear(); }
std::vector<MovingWindows::Passed> MovingWindows::move(const index::Generation& generation,
                                                       const index::Touched& touched,
                                                       TimeMs before, TimeMs now) {
  return impl_->move(generation, touched, before, now);
}

std::vector<std::string> times_asked_for(const Uses& uses, const index::Generation& generation) {
  std::vector<std::string> names;
  for (const std::string& field : uses.fields) {
    const index::Attribute* const attribute = generation.profiles.attribute(field);
    if (attribute != nullptr && is_time(attribute->type)) names.push_back(field);
  }
  return names;
}

}  // namespace muster::query
