#include "bench/engine_population.h"

#include <algorithm>

#include "base/check.h"

namespace muster::bench {
namespace {

__extension__ typedef unsigned __int128 UInt128;  // NOLINT(modernize-use-using)

constexpr std::uint32_t kZipfCells = 65'536;
constexpr std::uint32_t kRunLength = 6'007;    // People of one run; no block is a whole number.
constexpr std::uint64_t kJitterShare = 1'024;  // Ascending values waver by this part of the range.
constexpr std::uint32_t kElementsMax = 8;      // Of a list; fewer when drawn twice.

// Source: the finaliser of SplitMix64 (base/random.h).
std::uint64_t mixed(std::uint64_t z) {
  z *= 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// A number in [0, limit) by the highest of 64 random bits.
std::uint64_t scaled(std::uint64_t bits, std::uint64_t limit) {
  return static_cast<std::uint64_t>((static_cast<UInt128>(bits) * limit) >> 64);
}

std::vector<std::uint16_t> zipf_cells(std::uint64_t values) {
  double total = 0;
  for (std::uint64_t i = 1; i <= values; ++i)
    total += 1.0 / static_cast<double>(i);
  std::vector<std::uint16_t> cells;
  cells.reserve(kZipfCells);
  double sum = 0;
  for (std::uint64_t i = 1; i <= values; ++i) {
    sum += 1.0 / static_cast<double>(i);
    const auto end = static_cast<std::size_t>(sum / total * kZipfCells + 0.5);
    cells.resize(std::max(cells.size(), end), static_cast<std::uint16_t>(i - 1));
  }
  cells.resize(kZipfCells, static_cast<std::uint16_t>(values - 1));
  return cells;
}

std::uint64_t drawn(const FieldShape& field, std::uint64_t bits,
                    const std::vector<std::uint16_t>& zipf) {
  switch (field.draw) {
    case Draw::Even:
      return scaled(bits, field.range);
    case Draw::Zipf:
      return zipf[bits >> 48];
    case Draw::Hump:
      return (scaled(bits, field.range) + scaled(bits << 32, field.range)) / 2;
    case Draw::Skewed:
      return scaled(scaled(bits, bits), field.range);
  }
  CHECK(!"every draw is known");
}

}  // namespace

std::string_view name_of(Layout layout) {
  return layout == Layout::Uniform ? "uniform" : "clustered";
}

std::size_t field_named(std::string_view name) {
  const auto found = std::find_if(kFields.begin(), kFields.end(),
                                  [&](const FieldShape& field) { return field.name == name; });
  CHECK(found != kFields.end());
  return static_cast<std::size_t>(found - kFields.begin());
}

std::string text_of(const FieldShape& field, std::uint32_t code) {
  return std::string(field.name) + "_" + std::to_string(code);
}

std::size_t event_named(std::string_view name) {
  const auto found = std::find_if(kEvents.begin(), kEvents.end(),
                                  [&](const EventShape& event) { return event.name == name; });
  CHECK(found != kEvents.end());
  return static_cast<std::size_t>(found - kEvents.begin());
}

Population::Population(Layout layout, std::uint32_t people, unsigned events, std::uint64_t seed)
    : layout_(layout), people_(people), events_(events), seed_(seed) {
  CHECK(people > 0);
  for (std::size_t field = 0; field < kFields.size(); ++field) {
    if (kFields[field].draw == Draw::Zipf) zipf_[field] = zipf_cells(kFields[field].range);
  }
}

// The random bits that decide a value: the person's own, or those of where the person stands.
std::uint64_t Population::drifted(const FieldShape& field, std::uint32_t ordinal,
                                  std::uint64_t bits) const {
  const auto salt = static_cast<std::uint64_t>(&field - kFields.data());
  if (field.drift == Drift::Runs) return mixed(seed_ + (salt << 40) + ordinal / kRunLength + 1);
  const std::uint64_t place = ~std::uint64_t{0} / people_ * ordinal;
  const std::uint64_t jitter = bits / kJitterShare;
  return place > ~jitter ? ~std::uint64_t{0} : place + jitter;
}

void Population::read(std::size_t field, std::uint32_t first, std::span<std::int64_t> keys,
                      std::span<std::uint64_t> present) const {
  const FieldShape& shape = kFields[field];
  CHECK(!shape.type.list && present.size() * 64 >= keys.size());
  std::fill(present.begin(), present.end(), 0);
  const std::uint64_t salt = seed_ * 64 + field;
  const bool drifts = layout_ == Layout::Clustered && shape.drift != Drift::None;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint32_t ordinal = first + static_cast<std::uint32_t>(i);
    const std::uint64_t own = mixed((salt << 32) + ordinal);
    const std::uint64_t bits = drifts ? drifted(shape, ordinal, own) : own;
    keys[i] = shape.low + static_cast<std::int64_t>(drawn(shape, bits, zipf_[field]));
    const std::uint64_t has = (own & 1'023) >= shape.missing ? 1 : 0;
    present[i / 64] |= has << (i % 64);
  }
}

void Population::read_lists(std::size_t field, std::uint32_t first, std::uint32_t people,
                            Lists& out) const {
  const FieldShape& shape = kFields[field];
  CHECK(shape.type.list);
  out.ends.resize(people);
  out.codes.clear();
  out.present.assign((people + 63) / 64, 0);
  const std::uint64_t salt = seed_ * 64 + field;
  for (std::uint32_t i = 0; i < people; ++i) {
    std::uint64_t bits = mixed((salt << 32) + first + i);
    // Half of the people have few elements: the square of an even number.
    const std::uint64_t elements = scaled(scaled(bits, bits), kElementsMax + 1);
    const auto begin = static_cast<std::ptrdiff_t>(out.codes.size());
    for (std::uint64_t k = 0; k < elements; ++k) {
      if (k % 4 == 0) bits = mixed(bits + k);
      out.codes.push_back(zipf_[field][(bits >> (16 * (k % 4))) & 0xffff]);
    }
    std::sort(out.codes.begin() + begin, out.codes.end());
    out.codes.erase(std::unique(out.codes.begin() + begin, out.codes.end()), out.codes.end());
    out.ends[i] = static_cast<std::uint32_t>(out.codes.size());
    if (elements > 0) out.present[i / 64] |= std::uint64_t{1} << (i % 64);
  }
}

// How many events of a kind a person has. With one for each, the person's bits choose the kind.
std::uint32_t Population::events_of(std::size_t event, std::uint32_t ordinal) const {
  const std::uint64_t one_for_all = mixed(((seed_ * 64 + 32) << 32) + ordinal);
  if (events_ == 1) {
    double from = 0;
    for (std::size_t i = 0; i < event; ++i)
      from += kEvents[i].share;
    const double at = static_cast<double>(one_for_all >> 11) * 0x1p-53;
    return at >= from && at < from + kEvents[event].share ? 1 : 0;
  }
  // The square of an even number, of mean 1/3: a few people do much. Rounded up by chance.
  const std::uint64_t bits = mixed(((seed_ * 64 + 33 + event) << 32) + ordinal);
  const double part = static_cast<double>(scaled(bits, bits) >> 11) * 0x1p-53;
  const double mean = 3 * part * kEvents[event].share * events_;
  const auto whole = static_cast<std::uint32_t>(mean);
  const double chance = static_cast<double>(one_for_all & 0xffff) * 0x1p-16;
  return whole + (chance < mean - whole ? 1 : 0);
}

void Population::read_events(std::size_t event, std::uint32_t first, std::uint32_t people,
                             EventColumns& out) const {
  constexpr std::uint64_t kAmountRange = 50'000;  // 500.00
  if (out.ordinals.empty()) {
    // A hundredth more than expected: chance seldom needs it.
    const double expected = 1.01 * people * events_ * kEvents[event].share + 1'000;
    out.ordinals.reserve(static_cast<std::size_t>(expected));
    out.times.reserve(static_cast<std::size_t>(expected));
    out.amounts.reserve(static_cast<std::size_t>(expected));
  }
  for (std::uint32_t ordinal = first; ordinal < first + people; ++ordinal) {
    const std::uint32_t events = events_of(event, ordinal);
    std::uint64_t bits = mixed(((seed_ * 64 + 48 + event) << 32) + ordinal);
    for (std::uint32_t i = 0; i < events; ++i) {
      bits = mixed(bits + i);
      const std::uint64_t ago = scaled(bits, kEventDays * kDayMs);
      const std::uint64_t rest = bits << 36;
      out.ordinals.push_back(ordinal);
      out.times.push_back(kEngineNow - static_cast<std::int64_t>(ago));
      out.amounts.push_back(100 +
                            static_cast<std::int64_t>(scaled(scaled(rest, rest), kAmountRange)));
    }
  }
}

}  // namespace muster::bench
