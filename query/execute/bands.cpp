#include "query/execute/bands.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <mutex>
#include <numeric>

#include "index/order_key.h"
#include "query/execute/budget.h"
#include "query/execute/spread.h"

namespace muster::query {
namespace {

using index::ColumnBlock;
using index::kPageSize;
using index::kPageWords;
using index::Page;

using SlotBits = std::array<std::uint64_t, kPageWords>;

std::optional<std::int64_t> number_key(const index::FieldType& type, const std::string& text) {
  const auto number = parse_decimal(text);
  if (!number) return std::nullopt;
  const int up = static_cast<int>(type.scale) - static_cast<int>(number->scale);
  if (up >= 0) {
    std::int64_t key = 0;
    const std::int64_t factor = power_of_ten(static_cast<unsigned>(up));
    if (__builtin_mul_overflow(number->mantissa, factor, &key)) return std::nullopt;
    return key;
  }
  // The least key that is not below the number.
  const std::int64_t unit = power_of_ten(static_cast<unsigned>(-up));
  const bool is_cut = number->mantissa > 0 && number->mantissa % unit != 0;
  return number->mantissa / unit + (is_cut ? 1 : 0);
}

std::optional<std::int64_t> double_key(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(number)) return std::nullopt;
  return index::key_of_double(number);
}

std::optional<std::int64_t> time_key(const std::string& text, const Zone& zone) {
  if (const auto day = parse_date(text)) return zone.start_of(*day);
  return parse_time(text, zone);
}

std::optional<std::int64_t> band_key(const index::FieldType& type, const std::string& text,
                                     const Zone& zone) {
  switch (type.type) {
    case Type::Int:
    case Type::Decimal: return number_key(type, text);
    case Type::Double: return double_key(text);
    case Type::Timestamp: return time_key(text, zone);
    case Type::Date:
      if (const auto day = parse_date(text)) return day->days;
      return std::nullopt;
    default: return std::nullopt;
  }
}

std::string_view what_fits(Type type) {
  switch (type) {
    case Type::Timestamp: return "a time or a date, in quotes";
    case Type::Date: return "a date, in quotes";
    default: return "a number";
  }
}

// Some of the keys of a column: `low` and the 2^bits keys from there on.
struct Stretch {
  std::int64_t low = 0;
  unsigned bits = 64;

  // The last one, at most `limit`.
  std::int64_t high(std::int64_t limit) const {
    if (bits == 64) return limit;
    const std::uint64_t size = (std::uint64_t{1} << bits) - 1;
    const std::uint64_t room = static_cast<std::uint64_t>(limit) - static_cast<std::uint64_t>(low);
    return size >= room ? limit : low + static_cast<std::int64_t>(size);
  }
};

// A value looked for: the `rank`-th, from 0, of those within its stretch.
struct Target {
  std::uint64_t rank = 0;
  std::size_t stretch = 0;
};

// Finds the values of some ranks by counting: every round splits the stretches that they lie in
// into 2^14 parts, and goes on with the parts that hold them.
class RankedKeys {
 public:
  RankedKeys(const index::NumberColumn& column, std::uint64_t parts)
      : column_(column), blocks_(column.blocks()) {
    std::iota(blocks_.begin(), blocks_.end(), 0U);
    bool any = false;
    for (const std::uint32_t b : blocks_) {
      const ColumnBlock* block = column.block(b);
      if (block == nullptr || block->count == 0) continue;
      least_ = any ? std::min(least_, block->min) : block->min;
      greatest_ = any ? std::max(greatest_, block->max) : block->max;
      any = true;
    }
    const std::uint64_t span =
        static_cast<std::uint64_t>(greatest_) - static_cast<std::uint64_t>(least_);
    stretches_ = {{least_, static_cast<unsigned>(std::bit_width(span))}};
    for (std::uint64_t j = 1; j < parts; ++j) targets_.push_back({j * column.count() / parts, 0});
  }

  Status find(const Budget& budget, Parallel parallel) {
    while (stretches_[0].bits > 0) TRY(round(budget, parallel));
    return Ok{};
  }

  std::int64_t least() const { return least_; }
  // By target.
  std::vector<std::int64_t> keys() const {
    std::vector<std::int64_t> found;
    for (const Target& target : targets_) found.push_back(stretches_[target.stretch].low);
    return found;
  }

 private:
  static constexpr unsigned kDigitBits = 14;  // 64 KiB of counters a stretch.
  using Counters = std::vector<std::uint32_t>;

  unsigned shift() const {
    return stretches_[0].bits > kDigitBits ? stretches_[0].bits - kDigitBits : 0;
  }

  Status round(const Budget& budget, Parallel parallel) {
    std::vector<Counters> total(stretches_.size(), Counters(std::size_t{1} << kDigitBits));
    std::mutex mutex;  // Guards total.
    TRY(spread(blocks_, parallel.threads,
               [&](std::span<const std::uint32_t> mine) -> std::optional<Error> {
                 std::vector<Counters> counters(total.size(), Counters(total[0].size()));
                 for (const std::uint32_t b : mine) {
                   if (auto error = exhausted(budget)) return error;
                   if (const ColumnBlock* block = column_.block(b)) count(*block, counters);
                 }
                 const std::lock_guard lock(mutex);
                 for (std::size_t s = 0; s < total.size(); ++s) {
                   std::transform(total[s].begin(), total[s].end(), counters[s].begin(),
                                  total[s].begin(), std::plus<>());
                 }
                 return std::nullopt;
               }));
    narrow(total);
    return Ok{};
  }

  void count(const ColumnBlock& block, std::vector<Counters>& counters) const {
    std::array<std::int64_t, kPageSize> values;
    for (const index::PagePtr& page : block.pages) {
      if (!page) continue;
      bool is_read = false;
      for (std::size_t s = 0; s < stretches_.size(); ++s) {
        const Stretch& stretch = stretches_[s];
        const std::int64_t high = stretch.high(greatest_);
        if (page->max() < stretch.low || page->min() > high) continue;
        SlotBits bits;
        page->select_range(stretch.low, high, bits);
        for (std::size_t w = 0; w < kPageWords; ++w) {
          if (bits[w] == 0) continue;
          if (!is_read) page->read(values);
          is_read = true;
          add_word(bits[w], &values[w * 64], stretch.low, counters[s]);
        }
      }
    }
  }

  void add_word(std::uint64_t bits, const std::int64_t* values, std::int64_t low,
                Counters& counters) const {
    const unsigned by = shift();
    for (; bits != 0; bits &= bits - 1) {
      const auto value = static_cast<std::uint64_t>(values[std::countr_zero(bits)]);
      ++counters[(value - static_cast<std::uint64_t>(low)) >> by];
    }
  }

  void narrow(const std::vector<Counters>& counters) {
    std::vector<Stretch> next;
    for (Target& target : targets_) {
      const Counters& of = counters[target.stretch];
      std::size_t part = 0;
      while (target.rank >= of[part]) target.rank -= of[part++];
      const Stretch found{
          static_cast<std::int64_t>(static_cast<std::uint64_t>(stretches_[target.stretch].low) +
                                    (std::uint64_t{part} << shift())),
          shift()};
      // Targets ascend, so equal stretches are neighbours.
      if (next.empty() || next.back().low != found.low) next.push_back(found);
      target.stretch = next.size() - 1;
    }
    stretches_ = std::move(next);
  }

  const index::NumberColumn& column_;
  std::vector<std::uint32_t> blocks_;
  std::int64_t least_ = 0, greatest_ = 0;
  std::vector<Stretch> stretches_;  // Ascending, all of one size.
  std::vector<Target> targets_;
};

// Adds the values of the page that are not among `known`; false when there are more than max.
bool add_values(const Page& page, std::size_t max, std::vector<std::int64_t>& known) {
  SlotBits rest, found;
  std::ranges::copy(page.present(), rest.begin());
  const auto take_out = [&](std::int64_t value) {
    page.select_range(value, value, found);
    for (std::size_t w = 0; w < kPageWords; ++w) rest[w] &= ~found[w];
  };
  for (const std::int64_t value : known) {
    if (value >= page.min() && value <= page.max()) take_out(value);
  }
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    while (rest[w] != 0) {
      if (known.size() == max) return false;
      known.push_back(page.at(w * 64 + static_cast<std::uint32_t>(std::countr_zero(rest[w]))));
      take_out(known.back());
    }
  }
  return true;
}

}  // namespace

Result<std::vector<std::int64_t>> band_keys(const index::FieldType& type,
                                            const BreakdownField& asked, const Zone& zone) {
  std::vector<std::int64_t> keys;
  for (std::size_t i = 0; i < asked.bands.size(); ++i) {
    const auto key = band_key(type, asked.bands[i], zone);
    if (!key) {
      return Error{ErrorCode::InvalidArgument,
                   "a band of '" + asked.field + "' cannot begin at '" + asked.bands[i] +
                       "': " + std::string(what_fits(type.type)) + " was expected, as '" +
                       asked.field + "' is " + to_display(type)};
    }
    if (i > 0 && *key <= keys.back()) {
      return Error{ErrorCode::InvalidArgument,
                   "the bands of '" + asked.field + "' must ascend: '" + asked.bands[i] +
                       "' leaves nothing between itself and '" + asked.bands[i - 1] + "'"};
    }
    keys.push_back(*key);
  }
  return keys;
}

std::vector<KeyBand> bands_between(const std::vector<std::int64_t>& keys) {
  std::vector<KeyBand> bands;
  std::int64_t low = INT64_MIN;
  for (const std::int64_t key : keys) {
    // Below the least key of all there is nothing.
    bands.push_back(key == INT64_MIN ? KeyBand{0, -1} : KeyBand{low, key - 1});
    low = key;
  }
  bands.push_back({low, INT64_MAX});
  return bands;
}

std::optional<std::vector<std::int64_t>> few_values(const index::NumberColumn& column,
                                                    std::size_t max) {
  std::vector<std::int64_t> known;
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    const ColumnBlock* block = column.block(b);
    if (block == nullptr) continue;
    for (const index::PagePtr& page : block->pages) {
      if (page && !add_values(*page, max, known)) return std::nullopt;
    }
  }
  std::ranges::sort(known);
  return known;
}

Result<std::vector<std::int64_t>> quantile_keys(const index::NumberColumn& column,
                                                std::uint64_t parts, const Budget& budget,
                                                Parallel parallel) {
  if (column.count() == 0) return std::vector<std::int64_t>{};
  RankedKeys ranked(column, parts);
  TRY(ranked.find(budget, parallel));
  std::vector<std::int64_t> keys = ranked.keys();
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  if (keys.front() == ranked.least()) keys.erase(keys.begin());
  return keys;
}

}  // namespace muster::query
