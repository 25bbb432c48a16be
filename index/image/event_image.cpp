#include "index/image/event_image.h"

#include <algorithm>
#include <cstring>

#include "index/coded.h"
#include "index/event_run.h"
#include "index/image/dictionary_image.h"
#include "index/image/field_type_image.h"
#include "index/image/numbers.h"

namespace muster::index {
namespace {

// More properties than this no event has: a batch has far fewer columns.
constexpr std::uint64_t kPropertiesMax = 1U << 20;
// Runs of a block: their sizes double, unless people were erased.
constexpr std::uint64_t kRunsMax = 4'096;

std::string run_name(const std::string& prefix, std::size_t block, std::size_t run) {
  return prefix + "/run/" + section_number(block) + "/" + section_number(run);
}

std::string_view bytes_of(std::span<const std::uint16_t> people) {
  return {reinterpret_cast<const char*>(people.data()), people.size_bytes()};
}

// rows: varint | people: text (u16 each) | times: numbers | properties: varint, and of each
// whether any row has it: u8, then its scale: u8, which rows: bits, values of all rows: numbers
std::string run_bytes(const EventRun& run) {
  std::string bytes;
  ByteWriter out(bytes);
  std::vector<std::int64_t> values(run.rows);
  out.varint(run.rows);
  out.text(bytes_of(run.person));
  run.time.read(0, values);
  write_numbers(out, values);
  out.varint(run.properties.size());
  const std::size_t words = (run.rows + 63U) / 64U;
  for (const auto& property : run.properties) {
    out.u8(property ? 1 : 0);
    if (!property) continue;
    out.u8(property->scale);
    std::vector<std::uint64_t> present = property->present;
    if (present.empty()) {
      present.assign(words, ~std::uint64_t{0});
      if (run.rows % 64 != 0) present.back() = (std::uint64_t{1} << (run.rows % 64)) - 1;
    }
    write_bits(out, present, run.rows);
    property->values.read(0, values);
    write_numbers(out, values);
  }
  return bytes;
}

bool is_moment(TimeMs time) { return time >= kTimeMin && time <= kTimeMax; }

// Keys that a property of a run may have; nothing: any.
using KeyEnds = std::vector<std::optional<std::uint32_t>>;  // By property number.

// By time, then person; without branches, because nearly always all are.
bool is_in_order(std::span<const std::uint16_t> person, std::span<const std::int64_t> times) {
  unsigned wrong = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const unsigned earlier = times[i] < times[i - 1], same = times[i] == times[i - 1];
    wrong |= earlier | (same & static_cast<unsigned>(person[i] < person[i - 1]));
  }
  return wrong == 0;
}

// Whether each value is a key below `end` where a row has one, and 0 where it has none.
bool fits(std::span<const std::int64_t> values, std::span<const std::uint64_t> present,
          std::optional<std::uint32_t> end) {
  std::int64_t least = 0, greatest = 0;
  for (const std::int64_t value : values) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (end && (least < 0 || greatest >= std::max<std::int64_t>(*end, 1))) return false;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::uint64_t word = present[row / 64];
    if (row % 64 == 0 && word == ~std::uint64_t{0} && !(end && *end == 0)) {
      row += 63;
      continue;
    }
    const bool has = (word >> (row % 64)) & 1;
    if (has ? end && *end == 0 : values[row] != 0) return false;
  }
  return true;
}

// Null where nothing is there; in.failed() says whether it could be read. `values` has a place for
// each row.
std::shared_ptr<const PropertyColumn> read_property(ByteReader& in,
                                                    std::span<std::int64_t> values,
                                                    std::optional<std::uint32_t> end) {
  const std::uint8_t there = in.u8();
  if (there > 1) in.fail();
  if (in.failed() || there == 0) return nullptr;
  const std::uint8_t scale = in.u8();
  std::vector<std::uint64_t> present = read_bits(in, values.size());
  read_numbers(in, values);
  if (scale > kScaleMax || in.failed() || !fits(values, present, end)) in.fail();
  return in.failed() ? nullptr : property_column(values, std::move(present), scale);
}

Result<std::shared_ptr<const EventRun>> read_run(const SectionSource& source,
                                                 const std::string& name, const KeyEnds& ends,
                                                 std::uint32_t people) {
  TRY_ASSIGN(const std::string bytes, source.read(name));
  const Error damaged = damaged_section(name, "its events cannot be read");
  ByteReader in(bytes);
  const std::uint64_t rows = in.varint();
  const std::string_view who = in.text();
  const bool fits_rows = who.size() % sizeof(std::uint16_t) == 0 &&
                         who.size() / sizeof(std::uint16_t) == rows;
  if (in.failed() || rows == 0 || !fits_rows) return damaged;
  std::vector<std::uint16_t> person(rows);
  std::memcpy(person.data(), who.data(), who.size());
  std::vector<std::int64_t> values(rows);
  read_numbers(in, values);
  const bool known = std::all_of(person.begin(), person.end(),
                                 [people](std::uint16_t one) { return one < people; });
  if (in.failed() || !known || !is_in_order(person, values)) return damaged;
  if (!is_moment(values.front()) || !is_moment(values.back())) return damaged;
  auto run = run_of_rows(std::move(person), values);
  const std::uint64_t properties = in.varint();
  if (in.failed() || properties > ends.size()) return damaged;
  for (std::uint64_t number = 0; number < properties; ++number) {
    run->properties.push_back(read_property(in, values, ends[number]));
    if (in.failed()) return damaged;
  }
  if (!in.at_end()) return damaged;
  return std::shared_ptr<const EventRun>(std::move(run));
}

// count: varint | oldest: i64 | newest: i64 | properties: varint, of each its name: text,
// number: varint, type, keys: varint, lists: varint | blocks: varint, of each its runs: varint
std::string events_head(const EventTable& table) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(table.count);
  out.i64(table.oldest);
  out.i64(table.newest);
  out.varint(table.properties.size());
  for (const auto& [name, property] : table.properties) {
    out.text(name);
    out.varint(property->number);
    write_type(out, property->type);
    out.varint(property->dictionary.size());
    out.varint(property->lists.size());
  }
  out.varint(table.blocks.size());
  for (const auto& block : table.blocks) out.varint(block ? block->runs.size() : 0);
  return bytes;
}

Status read_property_keys(const SectionSource& source, const std::string& prefix,
                          const std::string& field, std::uint32_t keys, std::uint32_t lists,
                          EventWriter::Property& into) {
  TRY(read_dictionary(source, prefix + "/key/" + field, keys, into.dictionary,
                      key_bytes(into.described.type)));
  TRY(read_dictionary(source, prefix + "/list/" + field, lists, into.lists));
  for (std::uint32_t list = 0; list < lists; ++list) {
    const KeyText text = into.lists.key(list);
    const std::string_view codes = text.view();
    bool fits = codes.size() % sizeof(std::uint32_t) == 0;
    for (std::size_t at = 0; fits && at < codes.size(); at += sizeof(std::uint32_t)) {
      std::uint32_t code = 0;
      std::memcpy(&code, codes.data() + at, sizeof code);
      fits = code < keys;
    }
    if (!fits) return damaged_section(prefix + "/list/" + field, "a list holds an unknown code");
  }
  return Ok{};
}

// Reads the properties of the head; the ends of their keys by number.
KeyEnds read_properties(ByteReader& in, const SectionSource& source, const std::string& prefix,
                        EventImage& into, std::vector<ImageJob>& jobs) {
  const std::uint64_t count = in.varint();
  if (count > std::min<std::uint64_t>(kPropertiesMax, in.remaining())) in.fail();
  if (in.failed()) return {};
  KeyEnds ends(count);
  std::vector<bool> seen(count, false);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string name(in.text());
    const std::uint64_t number = in.varint();
    const FieldType type = read_type(in);
    const std::uint64_t keys = in.varint(), lists = in.varint();
    if (into.properties.contains(name)) in.fail();  // A job fills it already.
    if (number >= count || keys > kNoKey || lists > kNoKey || seen[number]) in.fail();
    if (in.failed()) return {};
    seen[number] = true;
    if (type.list || is_coded(type.type)) {
      ends[number] = static_cast<std::uint32_t>(type.list ? lists : keys);
    }
    auto& property = into.properties[name];
    property = std::make_unique<EventWriter::Property>();
    property->described.number = static_cast<std::uint32_t>(number);
    property->described.type = type;
    jobs.push_back([&source, prefix, name, keys, lists, to = property.get()] {
      return read_property_keys(source, prefix, section_name({name}),
                                static_cast<std::uint32_t>(keys),
                                static_cast<std::uint32_t>(lists), *to);
    });
  }
  return ends;
}

}  // namespace

void add_event_sections(const std::string& prefix, const std::shared_ptr<const EventTable>& table,
                        std::vector<Section>& sections) {
  sections.push_back({prefix, {}, [table] { return events_head(*table); }});
  for (const auto& [name, property] : table->properties) {
    const std::string field = section_name({name});
    add_dictionary_sections(prefix + "/key/" + field, property->dictionary, sections);
    add_dictionary_sections(prefix + "/list/" + field, property->lists, sections);
  }
  for (std::size_t b = 0; b < table->blocks.size(); ++b) {
    if (!table->blocks[b]) continue;
    const auto& runs = table->blocks[b]->runs;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      sections.push_back({run_name(prefix, b, i), runs[i], [run = runs[i]] {
                            return run_bytes(*run);
                          }});
    }
  }
}

Status read_events(const SectionSource& source, const std::string& prefix, std::uint32_t people,
                   EventImage& into, std::vector<ImageJob>& jobs) {
  TRY_ASSIGN(const std::string bytes, source.read(prefix));
  ByteReader in(bytes);
  EventTable& table = *into.table;
  table.count = in.varint();
  table.oldest = in.i64();
  table.newest = in.i64();
  if (!is_moment(table.oldest) || !is_moment(table.newest)) in.fail();
  const auto ends =
      std::make_shared<const KeyEnds>(read_properties(in, source, prefix, into, jobs));
  const std::uint64_t blocks = in.varint();
  if (blocks > (std::uint64_t{people} + kBlockSize - 1) / kBlockSize) in.fail();
  if (!in.failed()) table.blocks.resize(blocks);
  for (std::uint32_t b = 0; b < table.blocks.size() && !in.failed(); ++b) {
    const std::uint64_t runs = in.varint();
    if (runs > kRunsMax) in.fail();
    if (runs == 0 || in.failed()) continue;
    const std::uint32_t here = std::min(kBlockSize, people - b * kBlockSize);
    jobs.push_back([&source, prefix, b, runs, here, ends, &table]() -> Status {
      auto block = std::make_shared<EventBlock>();
      for (std::uint64_t i = 0; i < runs; ++i) {
        TRY_ASSIGN(auto run, read_run(source, run_name(prefix, b, i), *ends, here));
        block->runs.push_back(std::move(run));
      }
      table.blocks[b] = std::move(block);
      return Ok{};
    });
  }
  if (in.failed() || !in.at_end()) {
    return damaged_section(prefix, "the head of the events cannot be read");
  }
  return Ok{};
}

Status check_events(const std::string& prefix, const EventImage& image) {
  std::uint64_t rows = 0;
  for (const auto& block : image.table->blocks) rows += block ? block->rows() : 0;
  if (rows == image.table->count) return Ok{};
  return damaged_section(prefix, "it says " + std::to_string(image.table->count) +
                                     " events, and its runs hold " + std::to_string(rows));
}

}  // namespace muster::index
