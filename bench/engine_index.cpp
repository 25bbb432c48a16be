#include "bench/engine_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/engine_timing.h"
#include "index/bulk.h"
#include "index/event_bulk.h"

namespace muster::bench {
namespace {

using index::kBlockSize;

std::uint32_t people_of_block(const Population& population, std::uint32_t first) {
  return std::min<std::uint32_t>(kBlockSize, population.people() - first);
}

index::Dictionary dictionary_of(const FieldShape& field) {
  index::DictionaryWriter writer;
  if (field.type.type == Type::String) {
    for (std::uint32_t code = 0; code < field.range; ++code)
      writer.add(text_of(field, code));
  }
  return writer.snapshot();
}

std::shared_ptr<const index::Attribute> build_single(const Population& population,
                                                     std::size_t field, BuiltIndex& built) {
  const FieldShape& shape = kFields[field];
  index::BulkAttribute bulk(shape.type, dictionary_of(shape));
  std::vector<std::int64_t> keys(kBlockSize);
  std::vector<std::uint64_t> present(kBlockSize / 64);
  for (std::uint32_t first = 0; first < population.people(); first += kBlockSize) {
    const Stopwatch drawing;
    keys.resize(people_of_block(population, first));
    population.read(field, first, keys, present);
    built.draw_seconds += drawing.seconds();
    const Stopwatch adding;
    bulk.add_block(keys, std::span(present).first((keys.size() + 63) / 64));
    built.attributes_seconds += adding.seconds();
  }
  const Stopwatch finishing;
  auto attribute = bulk.finish();
  built.attributes_seconds += finishing.seconds();
  return attribute;
}

std::shared_ptr<const index::Attribute> build_lists(const Population& population, std::size_t field,
                                                    BuiltIndex& built) {
  const FieldShape& shape = kFields[field];
  index::BulkAttribute bulk(shape.type, dictionary_of(shape));
  Lists lists;
  for (std::uint32_t first = 0; first < population.people(); first += kBlockSize) {
    const Stopwatch drawing;
    population.read_lists(field, first, people_of_block(population, first), lists);
    built.draw_seconds += drawing.seconds();
    const Stopwatch adding;
    bulk.add_block(lists.ends, lists.codes, lists.present);
    built.attributes_seconds += adding.seconds();
  }
  const Stopwatch finishing;
  auto attribute = bulk.finish();
  built.attributes_seconds += finishing.seconds();
  return attribute;
}

std::shared_ptr<const index::EventTable> build_events(const Population& population,
                                                      std::size_t event, BuiltIndex& built) {
  const Stopwatch drawing;
  EventColumns drawn;
  population.read_events(event, 0, population.people(), drawn);
  built.draw_seconds += drawing.seconds();
  const Stopwatch building;
  index::BulkProperty amount{.name = "amount",
                             .type = {.type = Type::Decimal, .scale = kAmountScale},
                             .keys = drawn.amounts,
                             .present = {},
                             .dictionary = {}};
  auto table = index::build_events({.name = std::string(kEvents[event].name),
                                    .ordinals = drawn.ordinals,
                                    .times = drawn.times,
                                    .properties = {std::move(amount)}});
  built.events_seconds += building.seconds();
  return table;
}

// "u0", "u1", ...
index::Dictionary build_ids(const Population& population) {
  index::DictionaryWriter writer;
  for (std::uint32_t ordinal = 0; ordinal < population.people(); ++ordinal) {
    const fmt::format_int digits(ordinal);
    char id[16] = "u";
    std::copy(digits.data(), digits.data() + digits.size(), id + 1);
    writer.add({id, digits.size() + 1});
  }
  return writer.snapshot();
}

}  // namespace

BuiltIndex build_index(const Population& population) {
  BuiltIndex built;
  const auto generation = std::make_shared<index::Generation>();
  auto schema = std::make_shared<index::Schema>();
  index::Table& people = generation->profiles;
  {
    const Stopwatch naming;
    people.ids = build_ids(population);
    built.ids_seconds = naming.seconds();
  }
  people.live = index::everybody(population.people());
  // Events first: their columns are gone again before most of the index is there.
  for (std::size_t event = 0; event < kEvents.size() && population.events() > 0; ++event) {
    const std::string name(kEvents[event].name);
    generation->events[name] = build_events(population, event, built);
    schema->fields[name + ".amount"] = {
        .type = {.type = Type::Decimal, .scale = kAmountScale}, .declared = true, .epoch = ""};
  }
  for (std::size_t field = 0; field < kFields.size(); ++field) {
    const FieldShape& shape = kFields[field];
    const std::string name(shape.name);
    people.attributes[name] = shape.type.list ? build_lists(population, field, built)
                                              : build_single(population, field, built);
    schema->fields["profiles." + name] = {.type = shape.type, .declared = true, .epoch = ""};
  }
  generation->schema = std::move(schema);
  built.generation = generation;
  return built;
}

}  // namespace muster::bench
