// The members of a JSON object and the elements of an array, as they stand in the text: for
// documents of which parts are handed on as they came.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::loader {

struct JsonMember {
  std::string name;
  std::string_view value;  // Without white space at its ends; in the caller's text.
};
using JsonMembers = std::vector<JsonMember>;

// Nothing for a text that is no object, or whose borders cannot be found: values are not checked.
std::optional<JsonMembers> members_of(std::string_view json);
// The same for an array.
std::optional<std::vector<std::string_view>> elements_of(std::string_view json);

// The value of the first member of that name; "" when there is none.  Cost: O(members).
std::string_view value_of(const JsonMembers& members, std::string_view name);
// The text of a JSON text; nothing for any other value.
std::optional<std::string> text_in(std::string_view json);

}  // namespace muster::loader
