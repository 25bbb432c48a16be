#include "bench/first_baseline.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/time.h"

namespace muster::bench {
namespace {

constexpr int kWindowDays[] = {30, 90};  // Of the windows that questions have.

// The digits of "c0001234".
std::uint32_t person_of(std::string_view profile_id) {
  std::uint32_t person = 0;
  const auto read = std::from_chars(profile_id.data() + 1, profile_id.data() + profile_id.size(),
                                    person);
  CHECK(read.ec == std::errc());
  return person;
}

TimeMs time_of(std::string_view text) {
  const auto time = parse_time(text, Zone());
  CHECK(time.has_value());
  return *time;
}

std::int64_t day_number(TimeMs time) { return time / kDayMs; }  // Demo times are after 1970.

std::string edge_name(const std::string& family, int days) {
  return family + "<" + std::to_string(days);
}

const index::Column& needed(const index::Batch& batch, std::string_view name) {
  const index::Column* column = batch.column(name);
  CHECK(column != nullptr);
  return *column;
}

// A set that may be borrowed from the data or made on the way.
struct Operand {
  const roaring_bitmap_s* set = nullptr;
  Roaring owned;
};

Operand own(roaring_bitmap_s* made) { return {.set = made, .owned = Roaring(made)}; }

Operand union_of(const std::vector<const roaring_bitmap_s*>& sets) {
  if (sets.size() == 1) return {.set = sets[0], .owned = nullptr};
  std::vector<const roaring_bitmap_t*> inputs(sets.begin(), sets.end());
  return own(roaring_bitmap_or_many(inputs.size(), inputs.data()));
}

// Those whose number is at least `least`, from the highest digit down.
Operand at_least(const BitSlices& slices, std::uint64_t least) {
  Roaring equal(roaring_bitmap_copy(slices.present.get()));
  Roaring greater(roaring_bitmap_create());
  for (std::size_t i = slices.slices.size(); i-- > 0;) {
    const roaring_bitmap_s* slice = slices.slices[i].get();
    if ((least >> i) & 1) {
      roaring_bitmap_and_inplace(equal.get(), slice);
    } else {
      const Roaring above(roaring_bitmap_and(equal.get(), slice));
      roaring_bitmap_or_inplace(greater.get(), above.get());
      roaring_bitmap_andnot_inplace(equal.get(), slice);
    }
  }
  roaring_bitmap_or_inplace(greater.get(), equal.get());
  roaring_bitmap_s* const made = greater.get();
  return {.set = made, .owned = std::move(greater)};
}

Operand evaluate(const BaselineExpr& expr, const roaring_bitmap_s* everyone);

// The children of an And, evaluated: what to keep, smallest first, and what to take away.
struct Parts {
  std::vector<Operand> keep, away;
};
Parts parts_of(const BaselineExpr& expr, const roaring_bitmap_s* everyone) {
  Parts parts;
  for (const BaselineExpr& child : expr.children) {
    const bool negated = child.op == BaselineExpr::Op::Not;
    (negated ? parts.away : parts.keep)
        .push_back(evaluate(negated ? child.children[0] : child, everyone));
  }
  if (parts.keep.empty()) parts.keep.push_back({.set = everyone, .owned = nullptr});
  const auto cardinality = [](const Operand& operand) {
    return roaring_bitmap_get_cardinality(operand.set);
  };
  std::sort(parts.keep.begin(), parts.keep.end(), [&](const Operand& a, const Operand& b) {
    return cardinality(a) < cardinality(b);
  });
  // The largest goes first: it leaves the least to do.
  std::sort(parts.away.begin(), parts.away.end(), [&](const Operand& a, const Operand& b) {
    return cardinality(a) > cardinality(b);
  });
  return parts;
}

// All operators but the last `left_out`, in place. The first operand is reused when it is ours.
Operand reduce(Parts& parts, std::size_t left_out) {
  const std::size_t steps = parts.keep.size() - 1 + parts.away.size() - left_out;
  Operand result = std::move(parts.keep[0]);
  for (std::size_t i = 0; i < steps; ++i) {
    const bool keep = i + 1 < parts.keep.size();
    const roaring_bitmap_s* other =
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

Operand evaluate(const BaselineExpr& expr, const roaring_bitmap_s* everyone) {
  switch (expr.op) {
    case BaselineExpr::Op::Union: return union_of(expr.sets);
    case BaselineExpr::Op::AtLeast: return at_least(*expr.slices, expr.least);
    case BaselineExpr::Op::Not: {
      const Operand child = evaluate(expr.children[0], everyone);
      return own(roaring_bitmap_andnot(everyone, child.set));
    }
    case BaselineExpr::Op::Or: {
      std::vector<Operand> made;
      std::vector<const roaring_bitmap_s*> sets;
      for (const BaselineExpr& child : expr.children) {
        made.push_back(evaluate(child, everyone));
        sets.push_back(made.back().set);
      }
      return union_of(sets);
    }
    case BaselineExpr::Op::And: {
      Parts parts = parts_of(expr, everyone);
      return reduce(parts, 0);
    }
  }
  CHECK(!"every operator is known");
}

std::uint64_t count_and(const BaselineExpr& expr, const roaring_bitmap_s* everyone) {
  Parts parts = parts_of(expr, everyone);
  const bool last_is_away = !parts.away.empty();
  const Operand last = std::move(last_is_away ? parts.away.back() : parts.keep.back());
  if (!last_is_away && parts.keep.size() == 1) return roaring_bitmap_get_cardinality(last.set);
  const Operand before = reduce(parts, 1);
  return last_is_away ? roaring_bitmap_andnot_cardinality(before.set, last.set)
                      : roaring_bitmap_and_cardinality(before.set, last.set);
}

}  // namespace

void FreeRoaring::operator()(roaring_bitmap_s* bitmap) const { roaring_bitmap_free(bitmap); }

std::string roaring_version() {
  return std::to_string(ROARING_VERSION_MAJOR) + "." + std::to_string(ROARING_VERSION_MINOR) +
         "." + std::to_string(ROARING_VERSION_REVISION);
}

std::uint64_t count(const BaselineExpr& expr, const roaring_bitmap_s* everyone) {
  if (expr.op == BaselineExpr::Op::And) return count_and(expr, everyone);
  if (expr.op == BaselineExpr::Op::Not) {
    return roaring_bitmap_get_cardinality(everyone) - count(expr.children[0], everyone);
  }
  return roaring_bitmap_get_cardinality(evaluate(expr, everyone).set);
}

BaselineData::BaselineData(TimeMs now)
    : now_(now), everyone_(roaring_bitmap_create()), nobody_(roaring_bitmap_create()) {}

BaselineData::~BaselineData() = default;

void BaselineData::add(const std::string& name, std::uint32_t person) {
  Roaring& set = sets_[name];
  if (set == nullptr) set.reset(roaring_bitmap_create());
  roaring_bitmap_add(set.get(), person);
}

void BaselineData::add_time(const std::string& family, TimeMs time, std::uint32_t person) {
  add(family + "=" + std::to_string(day_number(time)), person);
  for (const int days : kWindowDays) {
    const TimeMs from = now_ - days * kDayMs;
    if (day_number(time) == day_number(from) && time >= from) {
      add(edge_name(family, days), person);
    }
  }
}

void BaselineData::add_number(const std::string& field, std::uint64_t number,
                              std::uint32_t person) {
  BitSlices& slices = slices_[field];
  if (slices.present == nullptr) slices.present.reset(roaring_bitmap_create());
  roaring_bitmap_add(slices.present.get(), person);
  for (std::size_t digit = 0; number >> digit != 0; ++digit) {
    if (slices.slices.size() <= digit) slices.slices.emplace_back(roaring_bitmap_create());
    if ((number >> digit) & 1) roaring_bitmap_add(slices.slices[digit].get(), person);
  }
}

void BaselineData::add_cell(const std::string& column, const index::Batch& batch,
                            const index::Cell& cell, std::uint32_t person) {
  using index::CellKind;
  switch (cell.kind) {
    case CellKind::True: return add(column + "=true", person);
    case CellKind::Integer:
      if (column == "loyalty_points") {
        return add_number(column, static_cast<std::uint64_t>(cell.number), person);
      }
      return add(column + "=" + std::to_string(cell.number), person);
    case CellKind::List:
      for (std::uint32_t i = 0; i < cell.length; ++i) {
        add_cell(column, batch, batch.elements[cell.offset + i], person);
      }
      return;
    case CellKind::Text: {
      const std::string text(batch.text_of(cell));
      if (column == "birth_date") return add("birth=" + text.substr(0, 4), person);
      if (column == "last_seen_at") return add_time("seen", time_of(text), person);
      return add(column + "=" + text, person);
    }
    default: return;
  }
}

void BaselineData::add_profiles(const index::Batch& batch) {
  constexpr std::string_view kAsked[] = {
      "country", "gender", "plan", "channel", "email_consent", "sms_consent", "household_size",
      "loyalty_points", "birth_date", "last_seen_at", "interests", "shoe_sizes", "language"};
  std::vector<std::uint32_t> person_of_row;
  for (const index::Cell& cell : needed(batch, "profile_id").cells) {
    person_of_row.push_back(person_of(batch.text_of(cell)));
    roaring_bitmap_add(everyone_.get(), person_of_row.back());
  }
  profiles_ += batch.rows;
  for (const index::Column& column : batch.columns) {
    if (std::find(std::begin(kAsked), std::end(kAsked), column.name) == std::end(kAsked)) continue;
    for (const index::Cell& cell : column.cells) {
      add_cell(column.name, batch, cell, person_of_row[cell.row]);
    }
  }
}

void BaselineData::add_events(const index::Batch& batch) {
  const index::Column& who = needed(batch, "profile_id");
  const index::Column& what = needed(batch, "type");
  const index::Column& when = needed(batch, "ts");
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    const std::string name(batch.text_of(what.cells[row]));
    const std::uint32_t person = person_of(batch.text_of(who.cells[row]));
    add("did=" + name, person);
    add_time(name, time_of(batch.text_of(when.cells[row])), person);
  }
  events_ += batch.rows;
}

void BaselineData::finish() {
  for (auto& [name, set] : sets_) roaring_bitmap_run_optimize(set.get());
  for (auto& [name, slices] : slices_) {
    for (Roaring& slice : slices.slices) roaring_bitmap_run_optimize(slice.get());
  }
  roaring_bitmap_run_optimize(everyone_.get());
}

const roaring_bitmap_s* BaselineData::set(const std::string& name) const {
  const auto found = sets_.find(name);
  return found == sets_.end() ? nobody_.get() : found->second.get();
}

const roaring_bitmap_s* BaselineData::edge(const std::string& family, int days) const {
  CHECK(std::find(std::begin(kWindowDays), std::end(kWindowDays), days) != std::end(kWindowDays));
  return set(edge_name(family, days));
}

std::uint64_t BaselineData::bytes() const {
  std::uint64_t total = 0;
  for (const auto& [name, set] : sets_) {
    total += roaring_bitmap_portable_size_in_bytes(set.get());
  }
  for (const auto& [name, slices] : slices_) {
    for (const Roaring& slice : slices.slices) {
      total += roaring_bitmap_portable_size_in_bytes(slice.get());
    }
  }
  return total;
}

}  // namespace muster::bench
