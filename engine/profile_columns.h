// The fields of many profiles column by column, as views into the state that holds them: what the
// exporter reads a million people by, where rows would be a million small pieces of memory.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "engine/access.h"
#include "engine/answers.h"

namespace muster::engine {

// A Value whose text is somebody else's.
using ValueView =
    std::variant<Missing, bool, Decimal, double, std::string_view, Instant, Date, GeoPoint>;

struct ProfileColumn {
  bool is_list = false;
  std::vector<ValueView> values;    // One a profile; of a list the elements of all, in order.
  std::vector<std::uint32_t> ends;  // Of a list: where the elements of each profile end.

  // Those of the i-th profile: of a single value always one, which may be Missing.
  std::span<const ValueView> of(std::size_t i) const {
    if (!is_list) return std::span(values).subspan(i, 1);
    const std::size_t from = i == 0 ? 0 : ends[i - 1];
    return std::span(values).subspan(from, ends[i] - from);
  }
};

// Views hold as long as this does and, where it was read from members, as long as those.
struct ProfileColumns {
  std::vector<std::string_view> ids;  // "": nobody.
  std::vector<ProfileColumn> fields;  // As asked.
  std::shared_ptr<const void> held;   // Texts that stand nowhere else.
};

// Whether profile_columns() can read it: a trait it cannot.
bool is_column(std::string_view field);

// What Engine::rows() says of the same, traits apart.
// Requires fields for which is_column() is true.
// Limits, errors: those of Engine::rows().
// Cost: some 20 ns a value; pages of columns are read once for all who follow each other in them.
Result<ProfileColumns> profile_columns(const Pass<Permission::Members>& pass,
                                       const MembersAnswer& members,
                                       std::span<const std::uint32_t> ordinals,
                                       const std::vector<std::string>& fields);

// The same of rows, which it keeps.  `fields`: how many were asked for.
ProfileColumns columns_of(std::vector<ProfileRow> rows, std::size_t fields);

Value value_of(const ValueView& view);

}  // namespace muster::engine
