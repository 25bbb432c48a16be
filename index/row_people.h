// Whom the rows of a batch are about, and which identifiers they claim: read without a verdict, so
// that of a row which was refused it is known too.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "index/batch.h"
#include "index/schema.h"
#include "index/typing.h"
#include "index/writer.h"

namespace muster::index {

struct RowPeople {
  std::string identifier;           // What the values are of: "profile_id", "email", ...
  std::vector<std::string> values;  // By row, normalised; "" where there is none.
  // Of identities: row, and another id that the person has from then on.
  std::vector<std::pair<std::uint32_t, std::string>> joins;
  // Of profiles: row, and an identifier that it claims; "" where it gives it up.
  std::vector<std::pair<std::uint32_t, Identity>> claims;
};

// Nobody for entities, and for a user-info source that the schema does not know.
RowPeople people_of(const Batch& batch, const TableRef& table, const Schema& schema);

}  // namespace muster::index
