// What a compaction came to, as JSON: over HTTP and from the command line.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "engine/answers.h"

namespace muster::server {

std::string compaction_json(const engine::CompactionReceipt& receipt);

}  // namespace muster::server
