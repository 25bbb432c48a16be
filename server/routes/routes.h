// Every address the server answers, with what it needs.
//
// Thread safety: immutable.
#pragma once

#include <span>

#include "server/http/router.h"

namespace muster::server {

std::span<const Route> all_routes();

}  // namespace muster::server
