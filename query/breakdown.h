// Who the people of a segment are: counts by the values or the bands of fields, beside everyone's.
//
// Every field is counted on its own. Of a list a person counts once for each value in it. Fields
// of texts, bools and points, and numbers of few different values, have a row per value; other
// numbers, dates and times a row per band.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/value.h"
#include "query/query.h"

namespace muster::query {

// Fields of one breakdown: each is a pass over its column.
inline constexpr std::size_t kBreakdownFieldsMax = 20;
// Beginnings of bands of one field: each is a pass over the narrow values of a page.
inline constexpr std::size_t kBandsMax = 100;
// Different values of one field: 8 bytes each while they are counted.
inline constexpr std::size_t kBreakdownValuesMax = 1U << 24;

struct BreakdownField {
  std::string field;               // Of profiles; "profiles." may be left out.
  std::vector<std::string> bands;  // Where bands begin, as written; none: up to ten, equally full.
};

struct BreakdownRequest {
  std::vector<BreakdownField> fields;
  std::size_t rows_max = 50;   // Values told of a field; the others are summed up.
  Zone zone;                   // Of dates where a band of times begins.
  bool allow_unknown = false;  // A field that is not known is missing for everybody.
};

// People of the segment, and of everyone.
struct BreakdownCount {
  std::uint64_t people = 0, everyone = 0;
};

struct BreakdownRow {
  Value value = {};          // The value, or missing for a band.
  Value from = {}, to = {};  // The band from `from` on to below `to`; missing: it has no end there.
  BreakdownCount count = {};
};

struct FieldBreakdown {
  std::string field;
  bool by_bands = false;
  std::vector<BreakdownRow> rows;  // Values: most people first; bands: ascending.
  std::uint64_t other_values = 0;  // That have no row.
  BreakdownCount other;            // Added up over those values.
  BreakdownCount missing;          // People without any value.
};

struct Breakdown {
  std::uint64_t people = 0;            // Of the segment.
  std::vector<FieldBreakdown> fields;  // As asked.
};

// Errors: InvalidArgument naming the field, with the nearest known one, or the band; LimitExceeded
// above kBreakdownValuesMax values, and as count().
// Cost: that of the members; per field a pass over its value bitmaps or its column.
Result<Breakdown> break_down(const BoundQuery& query, const BreakdownRequest& request,
                             const Budget& budget, Parallel parallel, KeptMade* made = nullptr);

}  // namespace muster::query
