// The declaration document and the Schema it stands for (docs/http-api.md, "Declaration").
//
// Thread safety: any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "index/schema.h"

namespace muster::engine {

// Limits: 1 MiB, kFieldsMax fields.
// Errors: InvalidArgument naming the JSON pointer that does not fit and what would.
Result<index::Schema> parse_declaration(std::string_view json);

// The whole declaration; fields nobody declared carry "inferred": true.
std::string declaration_json(const index::Schema& schema);

// {"KEY": {"type": ...}, ...}: what a batch added to the schema, as its log record keeps it.
std::string fields_json(const std::map<std::string, index::Field>& fields);
Result<std::map<std::string, index::Field>> parse_fields(std::string_view json);

}  // namespace muster::engine
