#include "bench/language_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "index/bulk.h"
#include "index/event_bulk.h"
#include "index/event_run.h"

namespace muster::bench {
namespace {

using index::kBlockSize;

constexpr index::FieldType kAmount{.type = Type::Decimal, .scale = 2}, kInt{.type = Type::Int},
    kText{.type = Type::String}, kTime{.type = Type::Timestamp};

index::Dictionary dictionary_of(std::uint32_t size, std::string (*text)(std::uint32_t)) {
  index::DictionaryWriter writer;
  for (std::uint32_t code = 0; code < size; ++code) writer.add(text(code));
  return writer.snapshot();
}

index::Table build_profiles(const LanguagePeople& people) {
  index::Table table;
  index::DictionaryWriter ids;
  index::BulkAttribute country(kText, dictionary_of(kCountries, country_text));
  index::BulkAttribute signup(kTime, {});
  std::vector<std::int64_t> countries, signups;
  Person person;
  for (std::uint32_t ordinal = 0; ordinal < people.people(); ++ordinal) {
    people.draw(ordinal, person);
    ids.add("u" + std::to_string(ordinal));
    countries.push_back(person.country);
    signups.push_back(person.signup);
    if (countries.size() < kBlockSize && ordinal + 1 < people.people()) continue;
    country.add_block(countries, {});
    signup.add_block(signups, {});
    countries.clear();
    signups.clear();
  }
  table.ids = ids.snapshot();
  table.live = index::everybody(people.people());
  table.attributes["country"] = country.finish();
  table.attributes["signup"] = signup.finish();
  return table;
}

std::shared_ptr<const index::EventTable> build_table(const LanguagePeople& people, Did did,
                                                     const index::Dictionary& skus) {
  DidColumns drawn;
  people.draw(did, 0, people.people(), drawn);
  return index::build_events(
      {.name = std::string(kDid[static_cast<std::size_t>(did)]),
       .ordinals = drawn.people,
       .times = drawn.times,
       .properties = {{"amount", kAmount, drawn.cents, {}, {}},
                      {"basket_id", kInt, drawn.baskets, {}, {}},
                      {"sku", kText, drawn.skus, {}, skus}}});
}

// A run of rows by time, then person.
std::shared_ptr<const index::EventRun> run_of(const index::EventTable& table,
                                              const DidColumns& rows) {
  std::vector<std::uint16_t> people;
  for (const std::uint32_t ordinal : rows.people) {
    people.push_back(static_cast<std::uint16_t>(ordinal % kBlockSize));
  }
  auto run = index::run_of_rows(std::move(people), rows.times);
  run->properties.resize(table.properties.size());
  const std::vector<std::uint64_t> present((rows.times.size() + 63) / 64, ~std::uint64_t{0});
  const auto put = [&](const char* name, std::span<const std::int64_t> keys) {
    const index::EventProperty& property = *table.property(name);
    auto bits = present;
    if (keys.size() % 64 != 0) bits.back() >>= 64 - keys.size() % 64;
    run->properties[property.number] =
        index::property_column(keys, std::move(bits), property.type.scale);
  };
  put("amount", rows.cents);
  put("basket_id", rows.baskets);
  put("sku", rows.skus);
  return run;
}

std::shared_ptr<const index::EventBlock> with_run(const index::EventBlock* before,
                                                  std::shared_ptr<const index::EventRun> run) {
  auto block = before != nullptr ? std::make_shared<index::EventBlock>(*before)
                                 : std::make_shared<index::EventBlock>();
  block->changes.add(run->person);
  while (!block->runs.empty() && block->runs.back()->rows < 2 * run->rows) {
    run = index::merge(*block->runs.back(), *run);
    block->runs.pop_back();
  }
  block->runs.push_back(std::move(run));
  return block;
}

std::shared_ptr<const index::EventTable> with_rows(
    const index::EventTable& before, const std::map<std::uint32_t, DidColumns>& by_block,
    TimeMs now) {
  auto table = std::make_shared<index::EventTable>(before);
  for (const auto& [block, rows] : by_block) {
    if (table->blocks.size() <= block) table->blocks.resize(block + 1);
    table->blocks[block] = with_run(table->blocks[block].get(), run_of(before, rows));
    table->count += rows.times.size();
  }
  table->newest = now;
  return table;
}

}  // namespace

std::shared_ptr<const index::Generation> build_generation(const LanguagePeople& people) {
  const auto generation = std::make_shared<index::Generation>();
  const auto schema = std::make_shared<index::Schema>();
  const auto declare = [&schema](const std::string& key, index::FieldType type) {
    schema->fields[key] = {.type = type, .declared = true, .epoch = ""};
  };
  declare("profiles.country", kText);
  declare("profiles.signup", kTime);
  const index::Dictionary skus = dictionary_of(kSkus, sku_text);
  // Events first: their columns are gone again before the people are there.
  for (std::size_t did = 0; did < kDid.size(); ++did) {
    const std::string name(kDid[did]);
    generation->events[name] = build_table(people, static_cast<Did>(did), skus);
    declare(name + ".amount", kAmount);
    declare(name + ".basket_id", kInt);
    declare(name + ".sku", kText);
  }
  generation->profiles = build_profiles(people);
  generation->schema = schema;
  return generation;
}

std::shared_ptr<const index::Generation> with_fresh_events(const index::Generation& before,
                                                           std::uint32_t events, TimeMs now,
                                                           Random& random) {
  std::vector<std::map<std::uint32_t, DidColumns>> fresh(kDid.size());
  for (std::uint32_t i = 0; i < events; ++i) {
    const auto ordinal = static_cast<std::uint32_t>(random.below(before.profiles.ids.size()));
    // One after the other in that second.
    const TimeMs time = now - kSecondMs + 1 + static_cast<TimeMs>(i) * kSecondMs / events;
    fresh[random.below(kDid.size())][ordinal / kBlockSize].add(
        ordinal, {.did = Did::View,
                  .time = std::min(time, now),
                  .cents = static_cast<std::int64_t>(100 + random.below(20'000)),
                  .sku = static_cast<std::uint32_t>(random.below(kSkus)),
                  .basket = static_cast<std::uint32_t>(random.below(before.profiles.ids.size()))});
  }
  const auto next = std::make_shared<index::Generation>(before);
  ++next->sequence;
  for (std::size_t did = 0; did < kDid.size(); ++did) {
    auto& table = next->events[std::string(kDid[did])];
    table = with_rows(*table, fresh[did], now);
  }
  return next;
}

}  // namespace muster::bench
