// What an operator says about a sync: which segment goes where, with which fields, and when.
//
//   {"segment": "buyers", "destination": "crm", "mode": "diff",
//    "mapping": {"email": "email", "name": "first_name"}, "schedule": "manual", "paused": false,
//    "exclude": ["unsubscribed"], "identify_by": ["email"], "nulls": "send",
//    "split": {...}}                                                 (connect/split.h)
//
// What else a mapping may hold: connect/mapping/mapped_field.h.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connect/mapping/mapped_field.h"
#include "connect/schedule.h"
#include "connect/split.h"

namespace muster::connect {

inline constexpr std::size_t kMappedFieldsMax = 256;
inline constexpr std::size_t kExclusionsMax = 32;
// Bytes of the id of a destination or sync: letters, digits, '-', '_' and '.'.
inline constexpr std::size_t kDocumentIdBytesMax = 128;

enum class SyncMode : std::uint8_t {
  Diff,    // Added, changed and removed since what was last sent.
  Mirror,  // The whole set at the first run of each version of the sync, then as Diff.
  Append,  // Who comes in, once; nobody is changed or removed.
  Events,  // Who entered and who left, one by one, from the change stream.
};
std::string_view name_of(SyncMode mode);

// What becomes of a value that somebody does not have.
enum class Nulls : std::uint8_t {
  Send,  // null
  Omit,  // Left out; losing one is a change.
  Keep,  // Left out, and the destination keeps what it has: losing one is no change.
};
std::string_view name_of(Nulls nulls);

struct SyncDocument {
  std::string segment, destination;
  SyncMode mode = SyncMode::Diff;
  std::vector<MappedField> mapping;       // In the order of the document.
  Schedule schedule;
  bool paused = false;
  std::vector<std::string> exclude;       // Segments whose people are never sent.
  std::vector<std::string> identify_by;   // Mapped names; who has none of them is unidentifiable.
  Nulls nulls = Nulls::Send;
  bool contact_history = false;           // What is delivered becomes "$Audience Synced" events.
  std::optional<AudienceSplit> split;          // Nothing: everybody is sent.
};

// Errors: InvalidArgument with the JSON pointer.
Result<SyncDocument> parse_sync(std::string_view json);
std::string to_json(const SyncDocument& document);

// Errors: InvalidArgument; `what` is "destination" or "sync".
Status check_document_id(std::string_view what, std::string_view id);

}  // namespace muster::connect
