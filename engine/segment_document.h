// What a saved segment is: its document, and its tree.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "index/generation.h"
#include "query/query.h"

namespace muster::engine {

struct SegmentDocument {
  std::string where;        // Text spelling.
  std::string name, description;
  std::string timezone;     // "": the workspace's.
};

// Reads {"where": text or object, "name", "tz", "description"}.
// Errors: InvalidArgument naming the key, those of parse().
Result<SegmentDocument> parse_segment(std::string_view json);
std::string segment_json(const SegmentDocument& segment);

// Text spelling, or the JSON spelling when it begins with '{'.
Result<query::NodePtr> parse_where(std::string_view where);

// The tree and zone of a saved segment (version 0: the newest).
// Errors: NotFound with the nearest id.
Result<query::BindContext::Segment> saved_segment(const index::Generation& generation,
                                                  const std::string& id, std::uint64_t version,
                                                  const Zone& workspace);

}  // namespace muster::engine
