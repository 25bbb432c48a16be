// What goes through the door when people are compared: breakdowns by field, overlaps of segments.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/answers.h"
#include "query/breakdown.h"

namespace muster::engine {

struct BreakdownRequest {
  Question question;
  std::vector<query::BreakdownField> fields;
  std::size_t rows_max = 50;         // Values told of a field.
};

struct BreakdownAnswer {
  CountAnswer count;
  std::vector<query::FieldBreakdown> fields;  // As asked.
};

// A segment to be laid over others: a saved one, or an expression.
struct OverlapLayer {
  std::string segment;               // Id of the saved segment; "": `where` says who.
  std::string name, where;           // Of an expression.
};

struct OverlapRequest {
  std::vector<OverlapLayer> layers;
  Question question;                 // Moment, zone and deadline; its `where` is not looked at.
  std::size_t rows_max = 50;         // Exclusive intersections told.
};

// Who are in exactly these segments and in no other of the request.
struct OverlapRow {
  std::vector<std::size_t> layers;   // Ascending.
  std::uint64_t people = 0;
};

struct OverlapAnswer {
  std::uint64_t snapshot = 0;
  std::uint64_t universe = 0;        // All live profiles of the snapshot.
  TimeMs as_of = 0;
  std::uint64_t took_us = 0;
  std::uint64_t in_any = 0;          // People in one at least.
  std::vector<std::string> names;    // Of the layers.
  std::vector<std::vector<std::uint64_t>> both;  // People in i and in j; the size where i is j.
  std::vector<OverlapRow> rows;      // Most people first; none is empty.
  std::uint64_t other_rows = 0, other_people = 0;  // That were left out.
};

}  // namespace muster::engine
