// The people of the engine benchmark: every value is a pure function of seed, field and ordinal.
//
// Nothing is kept, so the index under test, the baselines and DuckDB each read the same people
// again whenever they need a column, and never all of them at once.
//
//   8 texts of 2 to 250 values · 4 texts of 1,000 · 4 numbers · 2 times · 2 lists of texts
//   4 kinds of events with an amount, spread evenly over the last 400 days
//
// Shapes: `uniform` draws every value on its own, the worst case for skipping; in `clustered`
// people came in order: signup times ascend, campaigns follow them, countries, regions and stores
// come in runs.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "index/schema.h"

namespace muster::bench {

enum class Layout : std::uint8_t { Uniform, Clustered };
std::string_view name_of(Layout layout);

// Half past noon of a day: no window begins at midnight.
inline constexpr TimeMs kEngineNow = 20'500 * kDayMs + 45'296'789;

enum class Draw : std::uint8_t {
  Even,    // All values alike.
  Zipf,    // The n-th value 1/n as often as the first.
  Hump,    // The sum of two even ones: ages.
  Skewed,  // The square of an even one: money, points, days since the last visit.
};
enum class Drift : std::uint8_t { None, Runs, Ascending };  // What `clustered` does to it.

struct FieldShape {
  std::string_view name;
  index::FieldType type;
  // Keys are [low, low + range): codes of texts, else order keys (index/order_key.h).
  std::int64_t low;
  std::uint64_t range;
  Draw draw;
  Drift drift;
  std::uint32_t missing;  // Of 1,024 people; of lists: those without any element come on top.
};

inline constexpr TimeMs kSignupDays = 2'000;
inline constexpr TimeMs kEventDays = 400;

inline constexpr index::FieldType kText{.type = Type::String};
inline constexpr index::FieldType kTexts{.type = Type::String, .list = true};

inline constexpr std::array<FieldShape, 20> kFields{{
    {"country", kText, 0, 60, Draw::Zipf, Drift::Runs, 0},
    {"gender", kText, 0, 3, Draw::Even, Drift::None, 0},
    {"plan", kText, 0, 4, Draw::Zipf, Drift::None, 0},
    {"language", kText, 0, 30, Draw::Zipf, Drift::None, 0},
    {"device", kText, 0, 5, Draw::Even, Drift::None, 0},
    {"channel", kText, 0, 12, Draw::Even, Drift::None, 50},
    {"consent", {.type = Type::Bool}, 0, 2, Draw::Even, Drift::None, 0},
    {"region", kText, 0, 250, Draw::Zipf, Drift::Runs, 0},
    {"city", kText, 0, 1'000, Draw::Zipf, Drift::None, 50},
    {"store", kText, 0, 1'000, Draw::Even, Drift::Runs, 0},
    {"campaign", kText, 0, 1'000, Draw::Even, Drift::Ascending, 0},
    {"referrer", kText, 0, 1'000, Draw::Zipf, Drift::None, 200},
    {"age", {.type = Type::Int}, 18, 73, Draw::Hump, Drift::None, 0},
    {"score", {.type = Type::Int}, 0, 10'000, Draw::Even, Drift::None, 100},
    {"balance", {.type = Type::Decimal, .scale = 2}, 0, 400'000'000, Draw::Skewed, Drift::None, 0},
    {"points", {.type = Type::Int}, 0, 1ULL << 40, Draw::Skewed, Drift::None, 0},
    {"signed_up",
     {.type = Type::Timestamp},
     kEngineNow - kSignupDays* kDayMs,
     kSignupDays* kDayMs,
     Draw::Even,
     Drift::Ascending,
     0},
    {"last_seen",
     {.type = Type::Timestamp},
     kEngineNow - kEventDays* kDayMs,
     kEventDays* kDayMs,
     Draw::Skewed,
     Drift::None,
     0},
    {"interests", kTexts, 0, 50, Draw::Zipf, Drift::None, 0},
    {"tags", kTexts, 0, 200, Draw::Zipf, Drift::None, 0},
}};

// The field's place in kFields.  Requires a name of kFields.
std::size_t field_named(std::string_view name);

// "country_7": the text behind a code.
std::string text_of(const FieldShape& field, std::uint32_t code);

struct EventShape {
  std::string_view name;
  double share;  // Of all events.
};
inline constexpr std::array<EventShape, 4> kEvents{
    {{"view", 0.6}, {"open", 0.22}, {"purchase", 0.15}, {"ticket", 0.03}}};
inline constexpr std::uint8_t kAmountScale = 2;
std::size_t event_named(std::string_view name);

// Lists of a run of people: codes of slot i are [ends[i - 1], ends[i]), strictly increasing.
struct Lists {
  std::vector<std::uint32_t> ends, codes;
  std::vector<std::uint64_t> present;  // A bit per slot: the list has elements.
};

// Events of one kind, by ordinal; times of a person in no order.
struct EventColumns {
  std::vector<std::uint32_t> ordinals;
  std::vector<std::int64_t> times, amounts;
};

class Population {
 public:
  // `events` for each person on the average; with 1 nobody has more.
  Population(Layout layout, std::uint32_t people, unsigned events, std::uint64_t seed);

  Layout layout() const { return layout_; }
  std::uint32_t people() const { return people_; }
  unsigned events() const { return events_; }

  // Keys of the people from `first` on, and a bit per person that has one.
  // Requires a field of single values; present.size() * 64 >= keys.size().
  void read(std::size_t field, std::uint32_t first, std::span<std::int64_t> keys,
            std::span<std::uint64_t> present) const;
  // The same of a list field; `out` is filled anew.
  void read_lists(std::size_t field, std::uint32_t first, std::uint32_t people, Lists& out) const;
  // Adds the events of one kind of the people from `first` on.
  void read_events(std::size_t event, std::uint32_t first, std::uint32_t people,
                   EventColumns& out) const;

 private:
  std::uint64_t drifted(const FieldShape& field, std::uint32_t ordinal, std::uint64_t bits) const;
  std::uint32_t events_of(std::size_t event, std::uint32_t ordinal) const;

  Layout layout_;
  std::uint32_t people_;
  unsigned events_;
  std::uint64_t seed_;
  std::array<std::vector<std::uint16_t>, kFields.size()> zipf_;  // Code by 16 random bits.
};

}  // namespace muster::bench
