#include "base/trace_context.h"

#include <algorithm>

#include <fmt/format.h>

namespace muster {

namespace {

constexpr std::size_t kVersionAt = 0, kTraceAt = 3, kSpanAt = 36, kFlagsAt = 53;
constexpr std::size_t kBytes = 55;  // Of version 00, exactly.

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool is_id(std::string_view text) {
  return is_lower_hex(text) && text.find_first_not_of('0') != text.npos;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kBytes) return std::nullopt;
  const std::string_view version = text.substr(kVersionAt, 2);
  const std::string_view trace = text.substr(kTraceAt, 32);
  const std::string_view span = text.substr(kSpanAt, 16);
  const std::string_view flags = text.substr(kFlagsAt, 2);
  const bool is_cut_right = text[kTraceAt - 1] == '-' && text[kSpanAt - 1] == '-' &&
                            text[kFlagsAt - 1] == '-';
  const bool is_version = is_lower_hex(version) && version != "ff";
  if (!is_cut_right || !is_version || !is_id(trace) || !is_id(span) || !is_lower_hex(flags)) {
    return std::nullopt;
  }
  const bool has_more = text.size() > kBytes;
  if (has_more && (version == "00" || text[kBytes] != '-')) return std::nullopt;
  const char low = flags[1];
  const int value = low <= '9' ? low - '0' : low - 'a' + 10;
  return TraceContext{std::string(trace), std::string(span), (value & 1) != 0};
}

TraceContext child_of(const TraceContext& parent, std::uint64_t random_bits) {
  const std::uint64_t id = random_bits == 0 ? 1 : random_bits;  // All 0 means none.
  return {parent.trace_id, fmt::format("{:016x}", id), parent.is_sampled};
}

std::string to_traceparent(const TraceContext& context) {
  return "00-" + context.trace_id + "-" + context.span_id + (context.is_sampled ? "-01" : "-00");
}

}  // namespace muster
