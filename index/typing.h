// Cells become typed values under a schema; what does not fit is said line by line.
//
// A field nobody declared gets its type from the first batch that has it; inferred int64 widens
// to decimal and decimals widen their scale (to 6) without counting as another type.
// The same batch and schema always give the same result.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "index/batch.h"
#include "index/schema.h"

namespace muster::index {

enum class TableKind : std::uint8_t { Profiles, Events, UserInfo, Entities, Identities };

// The columns of Identities: which call said so, whose profile it is, and what else they are known
// by. The id of an anonymous profile stays with whom it was joined to first; another id may not be
// claimed twice.
inline constexpr const char* kCallColumn = "call";
inline constexpr const char* kProfileColumn = "profile";
inline constexpr const char* kPreviousColumn = "previous";
inline constexpr const char* kAnonymousColumn = "anonymous";

// Which table rows belong to; the name of the entity table or the user-info source.
struct TableRef {
  TableKind kind = TableKind::Profiles;
  std::string name;
};

// One value of one row. Coded types stand as bytes (index/coded.h), others as order keys.
struct TypedCell {
  std::uint32_t row = 0;
  bool present = false;             // False: an explicit null, the value goes.
  std::int64_t key = 0;             // Not coded.
  std::string_view bytes;           // Coded.
  std::uint32_t first = 0, size = 0;  // A list: its elements in TypedColumn::elements.
};

struct TypedColumn {
  std::string name;                 // Without table or event.
  std::string event;                // Of events: their name; else "".
  FieldType type;
  std::vector<TypedCell> cells;     // Rows ascending; of rows that are not rejected.
  std::vector<std::string_view> elements;  // Bytes (index/coded.h) of list elements.
};

// A batch under a schema. Owns or shares all the bytes its views point to.
struct TypedRows {
  TableRef table;
  std::uint64_t schema_version = 0;         // Of the schema it was typed with.
  std::uint32_t rows = 0;
  std::vector<std::uint64_t> lines;         // By row.
  std::vector<bool> taken;                  // By row: false once rejected or skipped.
  std::vector<std::string_view> identity;   // By row: the id, or the identifier's value.
  std::string identifier;                   // What identity holds: "profile_id", "email", ...
  std::vector<std::string_view> event_id;   // Of events and identities, by row; "" for none.
  bool event_id_is_enough = false;  // An event known by its id is the same, whatever it says.
  // Of identities, by row: ids of profiles that join this one; "" for none.
  std::vector<std::string_view> previous, anonymous;
  std::vector<std::uint32_t> event_name;    // Of events, by row: index into names.
  std::vector<std::string> names;           // Of events: the distinct names.
  std::vector<TimeMs> event_time;           // Of events, by row.
  std::vector<TypedColumn> columns;
  std::map<std::string, Field> additions;   // Fields inferred or widened here, by field key.
  std::vector<RejectedLine> rejected;       // By line; includes those of the batch.
  std::vector<std::uint64_t> skipped;       // Lines of events known before, ascending.
  std::vector<std::uint64_t> suppressed;    // Of `rejected`: lines about people who were erased.

  std::shared_ptr<const Batch> batch;
  std::shared_ptr<std::deque<std::string>> arena;  // Bytes made while typing.

  // Takes the row out, with the reason. The order of `rejected` is the caller's care.
  void reject(std::uint32_t row, std::string reason) {
    taken[row] = false;
    rejected.push_back({lines[row], std::move(reason)});
  }
};

// Whether a row that is taken says anything of the column. One that no such row has does not exist:
// a replay, which leaves out rejected rows, must not know it either.
inline bool has_taken_cell(const TypedColumn& column, const std::vector<bool>& taken) {
  for (const TypedCell& cell : column.cells) {
    if (taken[cell.row]) return true;
  }
  return false;
}

// Whether a field's values so far can be kept at a larger scale (64 bits hold them).
using CanWiden = std::function<bool(const std::string& field_key, std::uint8_t scale)>;

// Lines in `ignored` (ascending) are left out without a word: a replay's verdicts.
// Errors: InvalidArgument for an entity table or user-info source that is not declared.
Result<TypedRows> type_rows(std::shared_ptr<const Batch> batch, const TableRef& table,
                            const Schema& schema, const CanWiden& can_widen,
                            std::span<const std::uint64_t> ignored = {});

}  // namespace muster::index
