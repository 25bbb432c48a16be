// Bulk bodies: what they are, and what they are inside their compression.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "engine/answers.h"
#include "server/http/message.h"

namespace muster::server {

// The body without its Content-Encoding.
// Limits: `bytes_max` after inflation, of which no more is ever held.
// Errors: InvalidArgument for an unknown encoding, or bytes that are cut or damaged; TooLarge.
Result<std::string> plain_body(const Request& request,
                               std::size_t bytes_max = kBatchBytesMax);

// CSV for text/csv, a JSON array when the body begins with '[', else NDJSON.
storage::DataFormat format_of(const Request& request, std::string_view plain);

}  // namespace muster::server
