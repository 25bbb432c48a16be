// Who holds a value of a declared identifier.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "index/generation.h"

namespace muster::engine {

// `value` as somebody wrote it. Nothing: nobody does, or no identifier is declared so. Whoever does
// may not be live.
std::optional<index::Ordinal> holder_of(const index::Generation& generation,
                                        const std::string& identifier, std::string_view value);

}  // namespace muster::engine
