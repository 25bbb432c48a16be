// A batch out of the texts of its people, and batches out of parts of one.
//
// A body is  prefix | text, separator, text, ... | suffix:  its parts are found by lengths alone.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "connect/composer.h"
#include "connect/outcome_record.h"

namespace muster::connect {

// One person's place in a body.
struct BatchMember {
  index::Ordinal ordinal = 0;
  std::string text;
  std::uint64_t digest = 0;
  std::string known;
  std::uint64_t name = 0;  // 0: nobody asks.
  std::uint64_t identifier = 0;  // 0: nobody shares one.
};

// Without its id and run.  Requires members in the order of their ordinals.
// Leaves the body as it goes out in `body`, where that is wanted and is not packed.
BatchPlanned compose(const Envelope& envelope, std::span<const BatchMember> members,
                     Operation operation, bool gzip, std::string* body = nullptr);

// Puts a body around the texts of people, separators between them, and packs it into the batch.
void enclose(const Envelope& envelope, std::string_view members, BatchPlanned& batch,
             std::string* body);

// The two halves of a batch of more than one person.
// Errors: Corrupt when its packed body is damaged.
Result<std::pair<BatchPlanned, BatchPlanned>> split(const BatchPlanned& batch,
                                                    std::string first_id, std::string second_id);

// The batch without people of it, under another id.  Requires that somebody is left.
// Errors: Corrupt when its packed body is damaged.
Result<BatchPlanned> cut_out(const BatchPlanned& batch, const index::Bitmap& people,
                             std::string id);

}  // namespace muster::connect
