#include "tests/tree/population_support.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <span>

#include "base/time.h"
#include "index/bulk.h"
#include "index/event_bulk.h"
#include "index/order_key.h"

namespace muster::testing {
namespace {

using index::kBlockSize;

constexpr TimeMs kNow = 1'700'000'000'000;

Bits no_bits(std::uint32_t people) {
  return Bits((people + 63) / 64);
}
void set(Bits& bits, std::uint32_t i) {
  bits[i / 64] |= std::uint64_t{1} << (i % 64);
}

// How the values of one block lie.
enum class Shape { Nobody, Alike, Stretches, Mixed, Rare, AtLimit };
constexpr Shape kShapes[] = {Shape::Nobody, Shape::Alike, Shape::Stretches, Shape::Mixed,
                             Shape::Mixed,  Shape::Rare,  Shape::AtLimit};

// Base + step * [0, count): the values of a block.
struct Domain {
  std::int64_t base = 0, step = 1, count = 1;
};

std::int64_t drawn(Random& random, const Domain& domain) {
  const auto below = [&] { return random() % static_cast<std::uint64_t>(domain.count); };
  return domain.base + domain.step * static_cast<std::int64_t>(std::min(below(), below()));
}

void fill_stretches(Random& random, const Domain& domain, std::span<Column::value_type> block) {
  for (std::size_t i = 0; i < block.size();) {
    const std::size_t end = std::min<std::size_t>(block.size(), i + 1 + random.below(3'000));
    if (random.below(4) != 0) {
      std::fill(block.begin() + static_cast<std::ptrdiff_t>(i),
                block.begin() + static_cast<std::ptrdiff_t>(end), drawn(random, domain));
    }
    i = end;
  }
}

// Three values have one person less than, just and one more than an array should hold; a fourth is
// longer, and an array where bits would make its page too large.
void fill_at_limit(Random& random, const Domain& domain, std::span<Column::value_type> block) {
  std::vector<std::uint32_t> order(block.size());
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), random);
  std::size_t next = 0;
  static constexpr std::size_t kSizes[] = {index::kArrayMembersMax - 1, index::kArrayMembersMax,
                                           index::kArrayMembersMax + 1, index::kLongArrayMax - 1};
  for (const std::int64_t value : {0, 1, 2, 3}) {
    const std::size_t wanted = kSizes[value];
    for (const std::size_t end = std::min(order.size(), next + wanted); next < end; ++next) {
      block[order[next]] = domain.base + domain.step * std::min(value, domain.count - 1);
    }
  }
}

void fill(Random& random, Shape shape, const Domain& domain, std::span<Column::value_type> block) {
  const std::int64_t one = drawn(random, domain);
  const std::uint32_t missing_one_in = 1 + random.below(6);  // 1: nobody lacks a value.
  switch (shape) {
    case Shape::Nobody:
      return;
    case Shape::Alike:
      std::fill(block.begin(), block.end(), one);
      return;
    case Shape::Stretches:
      fill_stretches(random, domain, block);
      return;
    case Shape::AtLimit:
      fill_at_limit(random, domain, block);
      return;
    case Shape::Rare:
      for (auto& value : block) {
        if (random.below(300) == 0) value = drawn(random, domain);
      }
      return;
    case Shape::Mixed:
      for (auto& value : block) {
        if (missing_one_in > 1 && random.below(missing_one_in) == 0) continue;
        value = drawn(random, domain);
      }
      return;
  }
}

// Calls fill_block with the people of each block.
template <typename FillBlock>
Column column_of(std::uint32_t people, const FillBlock& fill_block) {
  Column column(people);
  for (std::uint32_t first = 0; first < people; first += kBlockSize) {
    fill_block(std::span(column).subspan(first, std::min(kBlockSize, people - first)));
  }
  return column;
}

Column random_codes(Random& random, std::uint32_t people, std::size_t codes) {
  return column_of(people, [&](std::span<Column::value_type> block) {
    const Domain domain{.count = static_cast<std::int64_t>(codes)};
    fill(random, kShapes[random.below(std::size(kShapes))], domain, block);
  });
}

// Steps and counts of values that make pages of 0, 1, 2, 4, 6 and 8 bytes, both sides of each.
constexpr std::int64_t kCounts[] = {1,
                                    2,
                                    200,
                                    256,
                                    257,
                                    40'000,
                                    65'536,
                                    65'537,
                                    4'294'967'297,
                                    100'000'000'000'000,
                                    1'000'000'000'000'000};
constexpr std::int64_t kSteps[] = {1, 1, 1, 60, 1'000, 86'400'000};

struct NumberShape {
  std::string name;
  index::FieldType type;
  std::int64_t base = 0, span = 0;  // Values lie in [base, base + span].
};

Numbers random_numbers(Random& random, std::uint32_t people, const NumberShape& shape) {
  return {shape.name, shape.type, column_of(people, [&](std::span<Column::value_type> block) {
            Domain domain{.base = shape.base + static_cast<std::int64_t>(random.below(1'000))};
            domain.step = kSteps[random.below(std::size(kSteps))];
            domain.count = kCounts[random.below(std::size(kCounts))];
            domain.step = std::min(domain.step, shape.span);
            domain.count = std::clamp<std::int64_t>(shape.span / domain.step, 1, domain.count);
            fill(random, kShapes[random.below(std::size(kShapes))], domain, block);
          })};
}

// Everybody has a value, and pages of every width take turns.
Numbers dense_numbers(Random& random, std::uint32_t people) {
  constexpr std::int64_t kCountByWidth[] = {
      1, 200, 40'000, 3'000'000'000, 100'000'000'000'000, 1'000'000'000'000'000};
  Numbers numbers{"rank", {.type = Type::Int}, Column(people)};
  for (std::uint32_t i = 0; i < people; ++i) {
    const std::int64_t count = kCountByWidth[i / index::kPageSize % std::size(kCountByWidth)];
    numbers.of[i] = drawn(random, {.base = -50, .count = count});
  }
  return numbers;
}

Texts random_texts(Random& random, std::uint32_t people, const std::string& name,
                   std::uint32_t words) {
  Texts texts{name, {}, random_codes(random, people, words)};
  for (std::uint32_t i = 0; i < words; ++i)
    texts.words.push_back(name + std::to_string(i));
  return texts;
}

// The union of three columns: lists of up to three elements.
Lists random_lists(Random& random, std::uint32_t people, const std::string& name, Type type) {
  const std::size_t elements = 2 + random.below(60);
  Lists lists{name, {.type = type, .list = true}, {}, {}};
  for (std::size_t i = 0; i < elements; ++i) {
    const std::string digits = std::to_string(i);
    lists.literals.push_back(type == Type::Int ? digits : "\"" + name + digits + "\"");
  }
  lists.of.resize(people);
  for (int part = 0; part < 3; ++part) {
    const Column column = random_codes(random, people, elements);
    for (std::uint32_t i = 0; i < people; ++i) {
      if (column[i]) lists.of[i].push_back(static_cast<std::uint32_t>(*column[i]));
    }
  }
  for (auto& list : lists.of) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return lists;
}

// Most buyers have few events, some more than one byte counts; some times are the very ends of the
// windows that leaves ask for, and some lie in the future.
std::vector<std::vector<Purchase>> random_purchases(Random& random, std::uint32_t people) {
  std::vector<std::vector<Purchase>> purchases(people);
  for (auto& of_person : purchases) {
    if (random.below(10) != 0) continue;
    const std::uint32_t many = random.below(500) == 0 ? 200 + random.below(120) : 0;
    const std::uint32_t events = 1 + random.below(4) + many;
    for (std::uint32_t i = 0; i < events; ++i) {
      Purchase purchase{.time = kNow - static_cast<TimeMs>(random() % std::uint64_t{400 * kDayMs}),
                        .amount = {}};
      const TimeMs edge = kNow - 30 * kDayMs * random.below(4);
      if (random.below(10) == 0) purchase.time = edge - 1 + random.below(3);
      if (random.below(20) == 0) purchase.time = kNow + 1 + random.below(1'000'000);
      if (random.below(8) != 0) purchase.amount = random.below(20'000);
      of_person.push_back(purchase);
    }
  }
  return purchases;
}

// --- The same as a Generation --------------------------------------------------------------

std::int64_t key_of(Type type, std::int64_t value) {
  return type == Type::Double ? index::key_of_double(static_cast<double>(value) / 4) : value;
}

std::shared_ptr<const index::Attribute> attribute_of(const index::FieldType& type,
                                                     const index::Dictionary& dictionary,
                                                     const Column& column) {
  index::BulkAttribute bulk(type, dictionary);
  const auto people = static_cast<std::uint32_t>(column.size());
  for (std::uint32_t first = 0; first < people; first += kBlockSize) {
    const std::uint32_t size = std::min(kBlockSize, people - first);
    std::vector<std::int64_t> keys(size);
    Bits present = no_bits(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      if (!column[first + i]) continue;
      keys[i] = key_of(type.type, *column[first + i]);
      set(present, i);
    }
    bulk.add_block(keys, present);
  }
  return bulk.finish();
}

index::Dictionary dictionary_of(const std::vector<std::string>& words) {
  index::DictionaryWriter dictionary;
  for (const std::string& word : words)
    dictionary.add(word);
  return dictionary.snapshot();
}

// What the dictionary of a list holds: the text itself, or 8 little-endian bytes.
std::string element_key(Type type, const std::string& literal) {
  if (type == Type::String) return literal.substr(1, literal.size() - 2);
  const std::int64_t number = std::stoll(literal);
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

std::shared_ptr<const index::Attribute> attribute_of(const Lists& lists) {
  std::vector<std::string> keys;
  for (const std::string& literal : lists.literals) {
    keys.push_back(element_key(lists.type.type, literal));
  }
  index::BulkAttribute bulk(lists.type, dictionary_of(keys));
  const auto people = static_cast<std::uint32_t>(lists.of.size());
  for (std::uint32_t first = 0; first < people; first += kBlockSize) {
    const std::uint32_t size = std::min(kBlockSize, people - first);
    std::vector<std::uint32_t> ends, codes;
    Bits present = no_bits(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      const auto& list = lists.of[first + i];
      codes.insert(codes.end(), list.begin(), list.end());
      ends.push_back(static_cast<std::uint32_t>(codes.size()));
      if (!list.empty()) set(present, i);
    }
    bulk.add_block(ends, codes, present);
  }
  return bulk.finish();
}

std::shared_ptr<const index::EventTable> events_of(const Population& population) {
  std::vector<index::Ordinal> ordinals;
  std::vector<TimeMs> times;
  std::vector<std::int64_t> amounts;
  Bits present;
  for (std::uint32_t i = 0; i < population.people; ++i) {
    for (const Purchase& purchase : population.purchases[i]) {
      if (times.size() % 64 == 0) present.push_back(0);
      if (purchase.amount) set(present, static_cast<std::uint32_t>(times.size()));
      ordinals.push_back(i);
      times.push_back(purchase.time);
      amounts.push_back(purchase.amount.value_or(0));
    }
  }
  return index::build_events({.name = "buy",
                              .ordinals = ordinals,
                              .times = times,
                              .properties = {{.name = "amount",
                                              .type = {.type = Type::Decimal, .scale = 2},
                                              .keys = amounts,
                                              .present = present,
                                              .dictionary = {}}}});
}

std::vector<index::Ordinal> ordinals_of(const Bits& bits, std::uint32_t people) {
  std::vector<index::Ordinal> ordinals;
  for (std::uint32_t i = 0; i < people; ++i) {
    if (has(bits, i)) ordinals.push_back(i);
  }
  return ordinals;
}

std::shared_ptr<const index::Generation> generation_of(const Population& population) {
  auto generation = std::make_shared<index::Generation>();
  index::Table& profiles = generation->profiles;
  index::DictionaryWriter ids;
  for (std::uint32_t i = 0; i < population.people; ++i)
    ids.add("p" + std::to_string(i));
  profiles.ids = ids.snapshot();
  profiles.live = index::Posting().with(ordinals_of(population.live, population.people), {});
  for (const Numbers& numbers : population.numbers) {
    profiles.attributes[numbers.name] = attribute_of(numbers.type, {}, numbers.of);
  }
  profiles.attributes["flag"] = attribute_of({.type = Type::Bool}, {}, population.flags);
  for (const Texts& texts : population.texts) {
    profiles.attributes[texts.name] =
        attribute_of({.type = Type::String}, dictionary_of(texts.words), texts.of);
  }
  for (const Lists& lists : population.lists) {
    profiles.attributes[lists.name] = attribute_of(lists);
  }
  generation->events["buy"] = events_of(population);
  auto listed = std::make_shared<index::StaticList>();
  listed->members = index::Bitmap::from_sorted(ordinals_of(population.listed, population.people));
  generation->lists["listed"] = std::move(listed);
  return generation;
}

}  // namespace

std::string Numbers::literal(std::int64_t value) const {
  switch (type.type) {
    case Type::Decimal:
      return to_string(Decimal{value, type.scale});
    case Type::Double:
      return to_string(Decimal{value * 25, 2});
    case Type::Timestamp:
      return to_rfc3339(value);
    case Type::Date:
      return to_string(Date{static_cast<std::int32_t>(value)});
    default:
      return std::to_string(value);
  }
}

std::uint64_t Population::live_count() const {
  std::uint64_t count = 0;
  for (const std::uint64_t word : live)
    count += static_cast<std::uint64_t>(std::popcount(word));
  return count;
}

Population random_population(Random& random) {
  Population population;
  const std::uint32_t whole = random.below(4) == 0 ? 2 : 1;
  population.people = whole * kBlockSize + 1 + random.below(random.below(2) == 0 ? 200 : 9'000);
  population.now = kNow;
  const std::uint32_t deleted_one_in = 20 + random.below(200);
  population.live = population.listed = no_bits(population.people);
  for (std::uint32_t i = 0; i < population.people; ++i) {
    if (random.below(deleted_one_in) != 0) set(population.live, i);
    if (random.below(40) == 0) set(population.listed, i);
  }
  const std::int64_t wide = 2'000'000'000'000'000;
  const NumberShape shapes[] = {
      {"score", {.type = Type::Int}, -500, wide},
      {"visits", {.type = Type::Int}, 0, 70'000},
      {"price", {.type = Type::Decimal, .scale = 2}, -1'000, wide},
      {"rate", {.type = Type::Double}, -700, wide},
      {"seen", {.type = Type::Timestamp}, kNow - 4'000 * kDayMs, 4'000 * kDayMs},
      {"born", {.type = Type::Date}, -9'000, 30'000},
  };
  for (const NumberShape& shape : shapes) {
    population.numbers.push_back(random_numbers(random, population.people, shape));
  }
  population.numbers.push_back(dense_numbers(random, population.people));
  population.flags = random_codes(random, population.people, 2);
  population.texts.push_back(random_texts(random, population.people, "plan", 4));
  population.texts.push_back(random_texts(random, population.people, "city", 300));
  population.texts.push_back(
      random_texts(random, population.people, "street", index::kBitmapValuesMax + 500));
  population.lists.push_back(random_lists(random, population.people, "tags", Type::String));
  population.lists.push_back(random_lists(random, population.people, "sizes", Type::Int));
  population.purchases = random_purchases(random, population.people);
  population.generation = generation_of(population);
  return population;
}

}  // namespace muster::testing
