// What the operator reads: one JSON line per message, on standard error.
//
// Thread safety: any thread.
#pragma once

#include <string_view>

namespace muster::server {

void log_info(std::string_view message);
void log_error(std::string_view message);

}  // namespace muster::server
