#include "index/event_writer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "index/coded.h"
#include "index/event_run.h"

namespace muster::index {
namespace {

constexpr std::uint32_t kBlockPeople = 65'536;

std::uint32_t block_of(Ordinal ordinal) {
  return ordinal / kBlockPeople;
}

bool is_exact(Type type) {
  return type == Type::Int || type == Type::Decimal;
}

// Decides which runs of a block stay: the newest is merged with the one before it while that one
// is less than twice as large, so a block of n events has at most log2(n) runs.
std::shared_ptr<const EventBlock> with_run(const EventBlock* before,
                                           std::shared_ptr<const EventRun> run) {
  auto block = before ? std::make_shared<EventBlock>(*before) : std::make_shared<EventBlock>();
  block->changes.add(run->person);
  block->runs.push_back(std::move(run));
  while (block->runs.size() > 1) {
    const auto& last = block->runs.back();
    const auto& previous = block->runs[block->runs.size() - 2];
    if (previous->rows >= 2 * last->rows) break;
    auto merged = merge(*previous, *last);
    block->runs.resize(block->runs.size() - 2);
    block->runs.push_back(std::move(merged));
  }
  return block;
}

}  // namespace

EventWriter::EventWriter(std::string name) {
  auto table = std::make_shared<EventTable>();
  table->name = std::move(name);
  current_ = std::move(table);
}

EventWriter::EventWriter(std::shared_ptr<EventTable> table, Properties properties)
    : properties_(std::move(properties)) {
  describe(*table);
  current_ = std::move(table);
}

void EventWriter::describe(EventTable& table) const {
  table.properties.clear();
  for (const auto& [name, property] : properties_) {
    auto described = std::make_shared<EventProperty>(property->described);
    described->dictionary = property->dictionary.snapshot();
    described->lists = property->lists.snapshot();
    table.properties.emplace(name, std::move(described));
  }
}

EventWriter::Property& EventWriter::property_for(const TypedColumn& column) {
  auto& property = properties_[column.name];
  if (!property) {
    property = std::make_unique<Property>();
    property->described.number = static_cast<std::uint32_t>(properties_.size() - 1);
    property->described.type = column.type;
  }
  // The largest scale so far; runs keep their own.
  if (column.type.scale > property->described.type.scale) property->described.type = column.type;
  return *property;
}

EventWriter::Dense EventWriter::densify(const TypedColumn& column, const TypedRows& rows) {
  Property& property = property_for(column);
  Dense dense;
  dense.number = property.described.number;
  dense.scale = column.type.scale;
  dense.keys.assign(rows.rows, 0);
  dense.present.assign(rows.rows, false);
  for (const TypedCell& cell : column.cells) {
    if (!rows.taken[cell.row] || !cell.present) continue;
    dense.present[cell.row] = true;
    if (column.type.list) {
      std::vector<std::uint32_t> codes;
      for (std::uint32_t i = 0; i < cell.size; ++i) {
        codes.push_back(property.dictionary.add(column.elements[cell.first + i]));
      }
      std::sort(codes.begin(), codes.end());
      std::string key(codes.size() * sizeof(std::uint32_t), '\0');
      if (!codes.empty()) std::memcpy(key.data(), codes.data(), key.size());
      dense.keys[cell.row] = property.lists.add(key);
    } else if (is_coded(column.type.type)) {
      dense.keys[cell.row] = property.dictionary.add(cell.bytes);
    } else {
      dense.keys[cell.row] = cell.key;
    }
  }
  return dense;
}

std::shared_ptr<const EventRun> EventWriter::make_run(std::span<const RowRef> rows,
                                                      std::span<const Dense> columns) const {
  std::vector<std::uint16_t> person;
  person.reserve(rows.size());
  std::vector<std::int64_t> values(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    person.push_back(static_cast<std::uint16_t>(rows[i].ordinal % kBlockPeople));
    values[i] = rows[i].time;
  }
  auto run = run_of_rows(std::move(person), values);
  run->properties.resize(properties_.size());
  for (const Dense& dense : columns) {
    std::vector<std::uint64_t> present((rows.size() + 63) / 64);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool has = dense.present[rows[i].row];
      values[i] = has ? dense.keys[rows[i].row] : 0;
      present[i / 64] |= static_cast<std::uint64_t>(has) << (i % 64);
    }
    run->properties[dense.number] = property_column(values, std::move(present), dense.scale);
  }
  return run;
}

void EventWriter::apply(const TypedRows& rows, std::span<const Ordinal> ordinals) {
  auto next = std::make_shared<EventTable>(*current_);
  const auto named = std::find(rows.names.begin(), rows.names.end(), next->name);
  const auto name = static_cast<std::uint32_t>(named - rows.names.begin());
  std::vector<RowRef> refs;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row] || rows.event_name[row] != name) continue;
    refs.push_back({ordinals[row], row, rows.event_time[row]});
  }
  if (refs.empty()) return;
  std::stable_sort(refs.begin(), refs.end(), [](const RowRef& a, const RowRef& b) {
    if (block_of(a.ordinal) != block_of(b.ordinal)) return a.ordinal < b.ordinal;
    return a.time != b.time ? a.time < b.time : a.ordinal < b.ordinal;
  });
  std::vector<Dense> columns;
  for (const TypedColumn& column : rows.columns) {
    if (column.event == next->name && has_taken_cell(column, rows.taken)) {
      columns.push_back(densify(column, rows));
    }
  }
  for (std::size_t first = 0; first < refs.size();) {
    const std::uint32_t block = block_of(refs[first].ordinal);
    std::size_t last = first;
    while (last < refs.size() && block_of(refs[last].ordinal) == block)
      ++last;
    if (next->blocks.size() <= block) next->blocks.resize(block + 1);
    next->blocks[block] = with_run(next->blocks[block].get(),
                                   make_run(std::span(refs).subspan(first, last - first), columns));
    first = last;
  }
  for (const RowRef& ref : refs) {
    if (next->count == 0) next->oldest = next->newest = ref.time;
    next->oldest = std::min(next->oldest, ref.time);
    next->newest = std::max(next->newest, ref.time);
    ++next->count;
  }
  describe(*next);
  current_ = std::move(next);
}

void EventWriter::erase(Ordinal ordinal) {
  const EventBlock* before = current_->block(block_of(ordinal));
  if (before == nullptr) return;
  const auto person = static_cast<std::uint16_t>(ordinal % kBlockPeople);
  auto next = std::make_shared<EventTable>(*current_);
  auto block = std::make_shared<EventBlock>();
  block->changes = before->changes;
  block->changes.add(std::span(&person, 1));
  for (const auto& run : before->runs) {
    const std::size_t rows = run->rows_of(person).size();
    next->count -= rows;
    auto kept = rows == 0 ? run : without(*run, person);
    if (kept) block->runs.push_back(std::move(kept));
  }
  next->blocks[block_of(ordinal)] = block->runs.empty() ? nullptr : std::move(block);
  current_ = std::move(next);
}

bool EventWriter::move(Ordinal from, Ordinal to) {
  const EventBlock* before = current_->block(block_of(from));
  if (before == nullptr) return false;
  const auto person = static_cast<std::uint16_t>(from % kBlockPeople);
  const auto other = static_cast<std::uint16_t>(to % kBlockPeople);
  auto rest = std::make_shared<EventBlock>();
  rest->changes = before->changes;
  std::shared_ptr<const EventRun> moved;
  for (const auto& run : before->runs) {
    const auto theirs = renamed(*run, person, other);
    if (theirs) moved = moved ? merge(*moved, *theirs) : theirs;
    auto kept = theirs ? without(*run, person) : run;
    if (kept) rest->runs.push_back(std::move(kept));
  }
  if (!moved) return false;
  rest->changes.add(std::vector<std::uint16_t>(moved->rows, person));
  auto next = std::make_shared<EventTable>(*current_);
  next->blocks[block_of(from)] = std::move(rest);
  if (next->blocks.size() <= block_of(to)) next->blocks.resize(block_of(to) + 1);
  auto& whole = next->blocks[block_of(to)];
  whole = with_run(whole.get(), std::move(moved));
  auto& left = next->blocks[block_of(from)];
  if (left->runs.empty()) left = nullptr;
  current_ = std::move(next);
  return true;
}

bool EventWriter::can_widen(const std::string& property, std::uint8_t scale) const {
  const EventProperty* known = current_->property(property);
  if (known == nullptr) return true;
  if (known->type.list || !is_exact(known->type.type) || scale > kScaleMax) return false;
  std::int64_t product = 0;
  for (const auto& block : current_->blocks) {
    for (const auto& run : block ? block->runs : std::vector<std::shared_ptr<const EventRun>>{}) {
      if (known->number >= run->properties.size() || !run->properties[known->number]) continue;
      const PropertyColumn& column = *run->properties[known->number];
      if (column.scale >= scale) continue;
      const std::int64_t factor = power_of_ten(scale - column.scale);
      if (__builtin_mul_overflow(column.values.min(), factor, &product) ||
          __builtin_mul_overflow(column.values.max(), factor, &product)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace muster::index
