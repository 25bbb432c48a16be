// Who is in a segment at one moment, and what is known of them.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/answers.h"
#include "engine/profile_columns.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// People asked for in one call of people().
inline constexpr std::size_t kPeopleAskedMax = 65'536;

// One moment: rows asked with it belong to it.
struct AudienceMoment {
  index::Bitmap members;
  std::uint64_t snapshot = 0;
  std::shared_ptr<const void> held;  // Keeps the moment alive; known to its maker alone.
};

// Somebody entered a segment, or left it.
struct AudienceChange {
  std::uint64_t offset = 0;   // Of the change stream.
  index::Ordinal ordinal = 0;
  std::string profile_id;     // "": erased since.
  bool entered = false;       // Else left.
  TimeMs happened = 0;
  std::string_view reason;    // "event", "attribute", "expired", ...
};

struct AudienceChanges {
  std::vector<AudienceChange> rows;
  std::uint64_t next = 1;     // Where to go on; it may be beyond the last row.
};

class Audience {
 public:
  virtual ~Audience() = default;

  // Errors: NotFound or InvalidArgument for a segment that is not there or cannot be answered.
  virtual Result<AudienceMoment> members(std::string_view segment) const = 0;
  // Whom a question of the segment language is true of.
  // Errors: InvalidArgument with the place in the text.
  virtual Result<AudienceMoment> matching(const std::string& where) const = 0;
  // Nobody, now: a moment to ask rows with.
  virtual Result<AudienceMoment> latest() const = 0;
  // In the order of `ordinals`; somebody who is no longer there has the profile id "".
  virtual Result<std::vector<engine::ProfileRow>> people(
      const AudienceMoment& moment, std::span<const index::Ordinal> ordinals,
      const std::vector<std::string>& fields) const = 0;
  // The same, column by column; the views hold as long as the moment does, too.
  virtual Result<engine::ProfileColumns> columns(const AudienceMoment& moment,
                                                 std::span<const index::Ordinal> ordinals,
                                                 const std::vector<std::string>& fields) const {
    TRY_ASSIGN(std::vector<engine::ProfileRow> rows, people(moment, ordinals, fields));
    return engine::columns_of(std::move(rows), fields.size());
  }
  // Everybody who was erased, ever.
  virtual Result<index::Bitmap> erased() const = 0;
  virtual Result<std::optional<index::Ordinal>> find(std::string_view profile_id) const = 0;
  // Rows of one segment from an offset of the change stream on.
  // Errors: NotFound where rows from there on are past their retention.
  virtual Result<AudienceChanges> changes(std::string_view segment, std::uint64_t from,
                                          std::size_t limit) const = 0;
  // The offset that the next change will have.
  virtual std::uint64_t next_change() const = 0;
  // Another number after each change of who is in a saved segment, and after a restart; 0 for one
  // that is not there.  Cost: none.
  virtual std::uint64_t mark(std::string_view segment) const = 0;
  // Errors: InvalidArgument naming the segment or field that is not there.
  virtual Status check(std::string_view segment, const std::vector<std::string>& fields) const = 0;
};

}  // namespace muster::connect
