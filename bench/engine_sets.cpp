#include "bench/engine_sets.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace muster::bench {
namespace {

struct FreeSet {
  void operator()(roaring_bitmap_t* set) const { roaring_bitmap_free(set); }
};
using Set = std::unique_ptr<roaring_bitmap_t, FreeSet>;

constexpr std::size_t kBlockBytes = 8'192;
constexpr std::uint32_t kBlockPeople = 65'536;

// A set that may be borrowed from the leaves or made on the way.
struct Operand {
  const roaring_bitmap_t* set = nullptr;
  Set owned;
};
Operand own(roaring_bitmap_t* made) {
  return {.set = made, .owned = Set(made)};
}
std::uint64_t size_of(const Operand& operand) {
  return roaring_bitmap_get_cardinality(operand.set);
}

// Packs 64 comparisons into a word. Compiled so that the compiler turns the compare into vectors.
template <typename T>
[[gnu::target("avx2"), gnu::optimize("O3")]] std::uint64_t word_of(const T* values, T low, T span) {
  std::uint8_t is_inside[64];
  for (int i = 0; i < 64; ++i)
    is_inside[i] = static_cast<T>(values[i] - low) <= span;
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, is_inside + 8 * i, 8);
    word |= ((bytes * 0x0102040810204080ULL) >> 56) << (8 * i);
  }
  return word;
}

// One bit per person with a number in [low, high].
template <typename T>
[[gnu::target("avx2"), gnu::optimize("O3")]] void scan_words(const T* values, std::uint32_t people,
                                                             T low, T high, std::uint64_t* words) {
  const T span = static_cast<T>(high - low);
  const std::uint32_t whole = people / 64;
  for (std::uint32_t i = 0; i < whole; ++i)
    words[i] = word_of<T>(values + i * 64ULL, low, span);
  for (std::uint32_t i = whole * 64; i < people; ++i) {
    const std::uint64_t inside = static_cast<T>(values[i] - low) <= span;
    words[i / 64] |= inside << (i % 64);
  }
}

// The portable Roaring format of nothing but bitset and small containers, written without runs.
// Source: github.com/RoaringBitmap/RoaringFormatSpec
class PortableBlocks {
 public:
  // Blocks are numbered from `first`; words has 1,024 for each.
  roaring_bitmap_t* read(std::uint32_t first, std::span<const std::uint64_t> words) {
    keys_.clear();
    for (std::uint32_t block = 0; block * 1'024ULL < words.size(); ++block) {
      const auto bits = words.subspan(block * 1'024ULL, 1'024);
      std::uint32_t members = 0;
      for (const std::uint64_t word : bits) {
        members += static_cast<std::uint32_t>(__builtin_popcountll(word));
      }
      if (members > 0) keys_.push_back({block, members});
    }
    write(first, words);
    return roaring_bitmap_portable_deserialize_safe(bytes_.data(), bytes_.size());
  }

 private:
  struct Key {
    std::uint32_t block, members;
  };
  static constexpr std::uint32_t kArrayMax = 4'096;

  template <typename T>
  void put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }

  void write(std::uint32_t first, std::span<const std::uint64_t> words) {
    constexpr std::uint32_t kCookieWithoutRuns = 12'346;
    bytes_.clear();
    put(kCookieWithoutRuns);
    put(static_cast<std::uint32_t>(keys_.size()));
    for (const Key& key : keys_) {
      put(static_cast<std::uint16_t>(first + key.block));
      put(static_cast<std::uint16_t>(key.members - 1));
    }
    std::size_t offset = bytes_.size() + 4 * keys_.size();
    for (const Key& key : keys_) {
      put(static_cast<std::uint32_t>(offset));
      offset += key.members > kArrayMax ? kBlockBytes : 2ULL * key.members;
    }
    bytes_.reserve(offset);
    for (const Key& key : keys_)
      write_members(key, words.data() + key.block * 1'024ULL);
  }

  void write_members(const Key& key, const std::uint64_t* words) {
    const std::size_t at = bytes_.size();
    if (key.members > kArrayMax) {
      bytes_.resize(at + kBlockBytes);
      std::memcpy(bytes_.data() + at, words, kBlockBytes);
      return;
    }
    for (std::uint32_t i = 0; i < 1'024; ++i) {
      for (std::uint64_t bits = words[i]; bits != 0; bits &= bits - 1) {
        put(static_cast<std::uint16_t>(i * 64 + static_cast<unsigned>(__builtin_ctzll(bits))));
      }
    }
  }

  std::vector<Key> keys_;
  std::vector<char> bytes_;
};

class RoaringSets final : public SetEngine {
 public:
  std::string version() const override {
    return std::to_string(ROARING_VERSION_MAJOR) + "." + std::to_string(ROARING_VERSION_MINOR) +
           "." + std::to_string(ROARING_VERSION_REVISION);
  }

  std::uint32_t add() override {
    sets_.emplace_back(roaring_bitmap_create());
    return static_cast<std::uint32_t>(sets_.size() - 1);
  }

  void append(std::uint32_t set, std::span<const std::uint32_t> ordinals) override {
    roaring_bitmap_add_many(sets_[set].get(), ordinals.size(), ordinals.data());
  }

  void append_block(std::uint32_t set, std::uint32_t block,
                    std::span<const std::uint64_t> words) override {
    const Set one(blocks_.read(block, words));
    CHECK(one != nullptr);
    roaring_bitmap_or_inplace(sets_[set].get(), one.get());
  }

  void finish(std::uint32_t set) override {
    roaring_bitmap_run_optimize(sets_[set].get());
    roaring_bitmap_shrink_to_fit(sets_[set].get());
  }

  std::uint64_t size(std::uint32_t set) const override {
    return roaring_bitmap_get_cardinality(sets_[set].get());
  }
  std::uint64_t portable_bytes(std::uint32_t set) const override {
    return roaring_bitmap_portable_size_in_bytes(sets_[set].get());
  }
  std::uint32_t sets() const override { return static_cast<std::uint32_t>(sets_.size()); }
  void clear() override { sets_.clear(); }

  void set_people(std::uint32_t people) override {
    everybody_.reset(roaring_bitmap_from_range(0, people, 1));
    roaring_bitmap_run_optimize(everybody_.get());
  }

  std::uint64_t count(const SetExpr& expr) override {
    if (expr.op == SetExpr::Op::And) return count_and(expr);
    if (expr.op == SetExpr::Op::Not) {
      return roaring_bitmap_get_cardinality(everybody_.get()) - count(expr.children[0]);
    }
    return size_of(evaluate(expr));
  }

 private:
  // The children of an And, evaluated: what to keep, smallest first, what to take away, largest
  // first, and what to ask of those that are left.
  struct Parts {
    std::vector<Operand> keep, away;
    std::vector<const SetExpr*> ask;
  };

  const roaring_bitmap_t* set(std::uint32_t number) const { return sets_[number].get(); }

  Operand evaluate(const SetExpr& expr) {
    switch (expr.op) {
      case SetExpr::Op::Union:
        return union_of(expr.sets);
      case SetExpr::Op::Slices:
        return between(expr);
      case SetExpr::Op::Scan:
        return scan(expr);
      case SetExpr::Op::AtLeast:
        return at_least(expr);
      case SetExpr::Op::Passes:
        return passing(everybody_.get(), expr);
      case SetExpr::Op::Not: {
        const Operand child = evaluate(expr.children[0]);
        return own(roaring_bitmap_andnot(everybody_.get(), child.set));
      }
      case SetExpr::Op::Or:
        return any_of(expr);
      case SetExpr::Op::And: {
        Parts parts = parts_of(expr);
        Operand made = reduce(parts, 0);
        for (const SetExpr* asked : parts.ask)
          made = passing(made.set, *asked);
        return made;
      }
    }
    CHECK(!"every operator is known");
  }

  Operand union_of(const std::vector<std::uint32_t>& numbers) const {
    if (numbers.size() == 1) return {.set = set(numbers[0]), .owned = nullptr};
    std::vector<const roaring_bitmap_t*> inputs;
    for (const std::uint32_t number : numbers)
      inputs.push_back(set(number));
    return own(roaring_bitmap_or_many(inputs.size(), inputs.data()));
  }

  Operand any_of(const SetExpr& expr) {
    std::vector<Operand> made;
    std::vector<const roaring_bitmap_t*> inputs;
    for (const SetExpr& child : expr.children) {
      made.push_back(evaluate(child));
      inputs.push_back(made.back().set);
    }
    return own(roaring_bitmap_or_many(inputs.size(), inputs.data()));
  }

  // Those whose number is at least `least`, from the highest digit down.
  // Source: O'Neil, Quass, "Improved Query Performance with Variant Indexes", 1997.
  Operand not_below(const SetExpr& expr, std::uint64_t least) const {
    Set equal(roaring_bitmap_copy(set(expr.sets[0])));
    if (expr.sets.size() - 1 < 64 && least >> (expr.sets.size() - 1) != 0) {
      return own(roaring_bitmap_create());
    }
    Set greater(roaring_bitmap_create());
    for (std::size_t i = expr.sets.size() - 1; i-- > 0;) {
      const roaring_bitmap_t* slice = set(expr.sets[1 + i]);
      if ((least >> i) & 1) {
        roaring_bitmap_and_inplace(equal.get(), slice);
      } else {
        const Set above(roaring_bitmap_and(equal.get(), slice));
        roaring_bitmap_or_inplace(greater.get(), above.get());
        roaring_bitmap_andnot_inplace(equal.get(), slice);
      }
    }
    roaring_bitmap_or_inplace(greater.get(), equal.get());
    roaring_bitmap_t* const made = greater.get();
    return {.set = made, .owned = std::move(greater)};
  }

  Operand between(const SetExpr& expr) const {
    Operand made =
        expr.low == 0 ? own(roaring_bitmap_copy(set(expr.sets[0]))) : not_below(expr, expr.low);
    const Operand above = not_below(expr, expr.high + 1);
    roaring_bitmap_andnot_inplace(made.owned.get(), above.set);
    return made;
  }

  Operand scan(const SetExpr& expr) {
    const ArrayView& array = expr.array;
    words_.assign((array.size + kBlockPeople - 1ULL) / kBlockPeople * 1'024, 0);
    const auto run = [&]<typename T>(T) {
      scan_words<T>(static_cast<const T*>(array.data), array.size, static_cast<T>(expr.low),
                    static_cast<T>(expr.high), words_.data());
    };
    switch (array.width) {
      case 1:
        run(std::uint8_t{});
        break;
      case 2:
        run(std::uint16_t{});
        break;
      case 4:
        run(std::uint32_t{});
        break;
      default:
        run(std::uint64_t{});
    }
    return own(blocks_.read(0, words_));
  }

  // reached[j] holds those in more than j of the sets so far.
  Operand at_least(const SetExpr& expr) const {
    std::vector<Set> reached;
    for (std::uint32_t j = 0; j < expr.least; ++j)
      reached.emplace_back(roaring_bitmap_create());
    for (const std::uint32_t number : expr.sets) {
      for (std::size_t j = reached.size() - 1; j > 0; --j) {
        const Set again(roaring_bitmap_and(reached[j - 1].get(), set(number)));
        roaring_bitmap_or_inplace(reached[j].get(), again.get());
      }
      roaring_bitmap_or_inplace(reached[0].get(), set(number));
    }
    roaring_bitmap_t* const made = reached.back().get();
    return {.set = made, .owned = std::move(reached.back())};
  }

  template <typename Call>
  static void for_each_passing(const roaring_bitmap_t* candidates, const SetExpr& expr,
                               const Call& call) {
    struct State {
      const SetExpr* expr;
      const Call* call;
    } state{&expr, &call};
    roaring_iterate(
        candidates,
        [](std::uint32_t person, void* raw) {
          const State& asked = *static_cast<const State*>(raw);
          if (asked.expr->passes(person)) (*asked.call)(person);
          return true;
        },
        &state);
  }

  static Operand passing(const roaring_bitmap_t* candidates, const SetExpr& expr) {
    std::vector<std::uint32_t> found;
    for_each_passing(candidates, expr, [&](std::uint32_t person) { found.push_back(person); });
    return own(roaring_bitmap_of_ptr(found.size(), found.data()));
  }

  Parts parts_of(const SetExpr& expr) {
    Parts parts;
    for (const SetExpr& child : expr.children) {
      if (child.op == SetExpr::Op::Passes) {
        parts.ask.push_back(&child);
        continue;
      }
      const bool negated = child.op == SetExpr::Op::Not;
      (negated ? parts.away : parts.keep).push_back(evaluate(negated ? child.children[0] : child));
    }
    if (parts.keep.empty()) parts.keep.push_back({.set = everybody_.get(), .owned = nullptr});
    std::sort(parts.keep.begin(), parts.keep.end(),
              [](const Operand& a, const Operand& b) { return size_of(a) < size_of(b); });
    std::sort(parts.away.begin(), parts.away.end(),
              [](const Operand& a, const Operand& b) { return size_of(a) > size_of(b); });
    return parts;
  }

  // All operators but the last `left_out`, in place. The first operand is reused when it is ours.
  static Operand reduce(Parts& parts, std::size_t left_out) {
    const std::size_t steps = parts.keep.size() - 1 + parts.away.size() - left_out;
    Operand result = std::move(parts.keep[0]);
    for (std::size_t i = 0; i < steps; ++i) {
      const bool keep = i + 1 < parts.keep.size();
      const roaring_bitmap_t* other =
          keep ? parts.keep[i + 1].set : parts.away[i + 1 - parts.keep.size()].set;
      if (result.owned == nullptr) {
        result = own(keep ? roaring_bitmap_and(result.set, other)
                          : roaring_bitmap_andnot(result.set, other));
      } else if (keep) {
        roaring_bitmap_and_inplace(result.owned.get(), other);
      } else {
        roaring_bitmap_andnot_inplace(result.owned.get(), other);
      }
    }
    return result;
  }

  std::uint64_t count_and(const SetExpr& expr) {
    Parts parts = parts_of(expr);
    if (!parts.ask.empty()) {
      Operand left = reduce(parts, 0);
      for (std::size_t i = 0; i + 1 < parts.ask.size(); ++i) {
        left = passing(left.set, *parts.ask[i]);
      }
      std::uint64_t found = 0;
      for_each_passing(left.set, *parts.ask.back(), [&](std::uint32_t) { ++found; });
      return found;
    }
    const bool last_is_away = !parts.away.empty();
    const Operand last = std::move(last_is_away ? parts.away.back() : parts.keep.back());
    if (!last_is_away && parts.keep.size() == 1) return size_of(last);
    const Operand before = reduce(parts, 1);
    return last_is_away ? roaring_bitmap_andnot_cardinality(before.set, last.set)
                        : roaring_bitmap_and_cardinality(before.set, last.set);
  }

  std::vector<Set> sets_;
  Set everybody_;
  PortableBlocks blocks_;
  std::vector<std::uint64_t> words_;
};

}  // namespace

#ifdef MUSTER_ENGINE_SETS_OBJECT
// What open_set_engine() looks for in the shared object.
extern "C" [[gnu::visibility("default")]] SetEngine* muster_bench_set_engine() {
  return std::make_unique<RoaringSets>().release();
}
#else
std::unique_ptr<SetEngine> make_set_engine() {
  return std::make_unique<RoaringSets>();
}
#endif

}  // namespace muster::bench
