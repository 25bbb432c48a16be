// How a rotation of data keys stands, as JSON: over HTTP and from the command line.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "engine/key_rotation.h"

namespace muster::server {

std::string rotation_json(const engine::RotationState& state);

}  // namespace muster::server
