// Which distributed trace a piece of work belongs to, as `traceparent` says it.
//
//   version "-" trace-id "-" parent-id "-" flags     00-4bf9...4736-00f067aa0ba902b7-01
//
// Source: W3C Trace Context, Level 1, 2021, sections 3.2 and 4.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster {

struct TraceContext {
  std::string trace_id;  // 32 hexadecimal digits in lower case, not all 0.
  std::string span_id;   // 16 of them: of the caller when it came in, ours when it goes out.
  bool is_sampled = false;
};

// Nothing where the text is no traceparent: then the caller is not part of a trace, which is no
// error. A version that is not known yet is read as version 00, with more behind it.
std::optional<TraceContext> parse_traceparent(std::string_view text);

// The same trace with another span, made of random bits, for work that is done for the caller.
TraceContext child_of(const TraceContext& parent, std::uint64_t random_bits);

// As it is sent: version 00, and of the flags whether it is sampled.
std::string to_traceparent(const TraceContext& context);

}  // namespace muster
