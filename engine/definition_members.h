// What the documents of segments and traits have in common: an expression, and what people say
// about it.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/language/ast.h"

namespace muster::engine {

// Which document is read.
struct DefinitionForm {
  std::string kind;  // "segment"
  std::string key;   // Of the expression: "where".
  std::string what;  // "an expression"
  Result<query::NodePtr> (*from_json)(std::string_view json);
};

struct DefinitionMembers {
  std::string expression;   // Text spelling.
  std::string name, description;
  std::string timezone;     // "": the workspace's.
};

// Reads {KEY: text or object, "name", "tz", "description"}.
// Errors: InvalidArgument naming the key, and the nearest one that is known.
Result<DefinitionMembers> definition_members(std::string_view text, const DefinitionForm& form);
std::string definition_json(const DefinitionMembers& members, const DefinitionForm& form);

}  // namespace muster::engine
