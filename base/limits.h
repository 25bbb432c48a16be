// The limits that more than one layer must agree on, each with its unit and reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster {

// Bytes of one segment text: a person's work, or a program's list of literals.
inline constexpr std::size_t kSegmentTextBytesMax = 1U << 20;
// Levels of brackets, nots and inner expressions: bounds every recursion over a tree.
inline constexpr std::size_t kNestingMax = 64;
// Nodes of one segment; the literals of a list are no nodes.
inline constexpr std::size_t kNodesMax = 10'000;
// Bytes of one NDJSON or CSV line: long enough for any real profile, short enough to buffer.
inline constexpr std::size_t kLineBytesMax = 1U << 20;
// Bytes of one batch after decompression: what one request may hold in memory.
inline constexpr std::size_t kBatchBytesMax = 64U << 20;
// Fields of one table: a table with more is a data error (generated column names).
inline constexpr std::size_t kFieldsMax = 4'096;
// Elements of one list value.
inline constexpr std::size_t kListElementsMax = 65'535;
// Bytes of one name: field, event, segment, table or identifier.
inline constexpr std::size_t kNameBytesMax = 512;
// Bytes of one profile, entity or event id.
inline constexpr std::size_t kIdBytesMax = 1'024;
// Bytes of one text value.
inline constexpr std::size_t kTextBytesMax = 64U << 10;
// Errors listed in one answer; the counts are always whole.
inline constexpr std::size_t kErrorsListedMax = 100;

}  // namespace muster
