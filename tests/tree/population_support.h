// A random population of two or three blocks, twice: as plain columns by person, which anyone can
// read, and as the Generation that holds the same.
//
// Every block of every attribute takes a shape of its own, so that value bitmaps come in all kinds
// of containers (both sides of kArrayMembersMax) and pages in all widths, dense and sparse. The
// last block is partial. Deleted people keep their values and events in the columns.
// Thread safety: immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/generation.h"
#include "tests/support/random.h"

namespace muster::testing {

// One bit per person: bit i % 64 of word i / 64.
using Bits = std::vector<std::uint64_t>;

inline bool has(const Bits& bits, std::uint32_t i) {
  return (bits[i / 64] >> (i % 64)) & 1;
}

// What each person has, or nothing.
using Column = std::vector<std::optional<std::int64_t>>;

// Units: of decimals the last digit, of doubles a quarter, of times milliseconds, of dates days.
struct Numbers {
  std::string name;
  index::FieldType type;
  Column of;

  // The number in the segment language.
  std::string literal(std::int64_t value) const;
};

struct Texts {
  std::string name;
  std::vector<std::string> words;
  Column of;  // Indexes of words.
};

struct Lists {
  std::string name;
  index::FieldType type;
  std::vector<std::string> literals;           // Of the elements, in the segment language.
  std::vector<std::vector<std::uint32_t>> of;  // Indexes of literals, strictly increasing.
};

struct Purchase {
  TimeMs time = 0;
  std::optional<std::int64_t> amount;  // Cents.
};

struct Population {
  std::uint32_t people = 0;  // Ordinals.
  Bits live;
  TimeMs now = 0;
  std::vector<Numbers> numbers;
  Column flags;  // "flag": 0 or 1.
  std::vector<Texts> texts;
  std::vector<Lists> lists;
  std::vector<std::vector<Purchase>> purchases;  // By person: the event "buy".
  Bits listed;                                   // The static list "listed".
  std::shared_ptr<const index::Generation> generation;

  std::uint64_t live_count() const;
};

// Cost: 0.2 s.
Population random_population(Random& random);

}  // namespace muster::testing
