// JSON with places in its strings.
//
//   {"payload": {"schema": ["EMAIL"], "data": ["{{members}}"]}}  a body
//   {"userIds": [{"idType": "SHA256_EMAIL", "idValue": "{{email}}"}]}  a person
//
// A string that is one place becomes its value: a number, a list, null. Any other string stays one.
// ["{{members}}"] is where the people of a batch go.
//
// A member of an object whose value is absent is null, or left out where the sync's "nulls" says
// so. An object in a list that would name nothing of the person is left out, and so is an object
// with "@all": true that lacks anything. "@others": true puts what is mapped beside the declared
// fields into an object. In names of an object only settings are filled in.
// Thread safety: immutable.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/templates/text_template.h"

namespace muster::connect {

class JsonTemplate {
 public:
  struct Node;

  // Reads a JSON value.
  // Errors: InvalidArgument, beginning with the pointer below `pointer` and the column.
  static Result<JsonTemplate> parse(std::string_view json, const std::string& pointer,
                                    const TemplateNames& names);

  // How often people go into it.
  std::size_t members() const;
  bool names_person() const;
  bool takes_all() const;
  void add_fields(std::vector<std::string>& names) const;
  std::string render(const TemplateScope& scope) const;
  // What stands before and behind the people.  Requires members() == 1.
  std::pair<std::string, std::string> around_members(const TemplateScope& scope) const;

 private:
  std::shared_ptr<const Node> root_;
};

}  // namespace muster::connect
