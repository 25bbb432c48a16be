#include "bench/engine_memory.h"

#include <numeric>

#include "bench/engine_set_program.h"

namespace muster::bench {
namespace {

// Of all value sets of a field, made from the population and not from the index.
std::uint64_t portable_bytes(const Population& population, std::size_t field, SetEngine& engine) {
  Question question{.op = Question::Op::In, .field = field};
  question.codes.resize(kFields[field].range);
  std::iota(question.codes.begin(), question.codes.end(), 0);
  Arrays arrays(population);
  arrays.prepare(question);
  const SetProgram program(question, arrays, engine);
  std::uint64_t bytes = 0;
  for (std::uint32_t set = 0; set < engine.sets(); ++set)
    bytes += engine.portable_bytes(set);
  return bytes;
}

std::size_t key_bytes(std::uint32_t people) {
  std::size_t bytes = 0;
  for (std::uint64_t digits = 1, first = 0; first < people; ++digits) {
    const std::uint64_t next = std::min<std::uint64_t>(first == 0 ? 10 : first * 10, people);
    bytes += (next - first) * (digits + 1);  // "u" and the digits.
    first = next;
  }
  return bytes;
}

}  // namespace

PopulationRow population_row(const Population& population, const BuiltIndex& built,
                             SetEngine& engine) {
  const index::Generation& generation = *built.generation;
  const double people = population.people();
  PopulationRow row{.layout = population.layout(),
                    .people_per_second = people / built.attributes_seconds,
                    .ids_per_second = people / built.ids_seconds};
  for (std::size_t field = 0; field < kFields.size(); ++field) {
    const index::Attribute& attribute =
        *generation.profiles.attribute(std::string(kFields[field].name));
    const std::size_t columns =
        kFields[field].type.list ? attribute.list.bytes() : attribute.single.bytes();
    row.column_bytes += static_cast<double>(columns);
    row.bitmap_bytes += static_cast<double>(attribute.bytes() - columns);
    row.dictionary_bytes += static_cast<double>(attribute.dictionary.bytes());
    if (attribute.has_bitmaps) {
      row.portable_bytes += static_cast<double>(portable_bytes(population, field, engine));
    }
  }
  row.id_bytes = static_cast<double>(generation.profiles.ids.bytes());
  row.id_key_bytes = static_cast<double>(key_bytes(population.people()));
  for (const auto& [name, table] : generation.events) {
    row.events += table->count;
    row.event_bytes += static_cast<double>(table->bytes());
  }
  if (row.events > 0)
    row.events_per_second = static_cast<double>(row.events) / built.events_seconds;
  return row;
}

}  // namespace muster::bench
