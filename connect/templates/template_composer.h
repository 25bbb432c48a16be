// The composer of a destination that says itself what it is sent.
//
// Thread safety: immutable.
#pragma once

#include <memory>
#include <string_view>

#include "connect/composer.h"
#include "connect/templates/content.h"

namespace muster::connect {

// The mapping of a sync with the rules of the destination's fields below its own.
std::vector<MappedField> with_rules(std::vector<MappedField> mapping, const Content& content);

// Requires document.content, and an identifier_key of kSipKeyBytes.
std::unique_ptr<Composer> make_template_composer(const SyncDocument& sync,
                                                 const DestinationDocument& document,
                                                 std::string_view identifier_key);

// Whether the destination has a place for what the sync maps, and a request for what its mode does.
// Errors: InvalidArgument with the JSON pointer of the sync.
Status check_against(const SyncDocument& sync, const Content& content);

}  // namespace muster::connect
