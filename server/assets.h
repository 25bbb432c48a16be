// Files that are part of the program: embedded at build time (tools/cmake/muster_embed.cmake).
//
// Thread safety: immutable.
#pragma once

#include <string_view>

namespace muster::server {

extern const std::string_view kVersion;      // "0.1.0", of the CMake project.
extern const std::string_view kOpenApiJson;  // server/openapi.json
extern const std::string_view kConsoleHtml;  // console/index.html

}  // namespace muster::server
