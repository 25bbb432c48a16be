// A schema as bytes, and back: everything in it, inferred fields and versions too.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "index/schema.h"

namespace muster::index {

std::string schema_bytes(const Schema& schema);
// Errors: Corrupt, naming the section.
Result<Schema> read_schema(std::string_view name, std::string_view bytes);

}  // namespace muster::index
