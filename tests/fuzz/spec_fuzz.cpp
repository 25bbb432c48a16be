// Any bytes as a call of the Segment spec: the first byte chooses which. Every part can be read as
// rows, every row and every refusal has the place of a call, and no call is lost.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "base/check.h"
#include "loader/decoder.h"
#include "loader/segment_spec.h"

namespace muster::engine {

// The engine's is a hash.
std::string anonymous_profile(std::string_view anonymous_id) {
  return "anon-" + std::to_string(anonymous_id.size());
}

}  // namespace muster::engine

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const engine::RowNames names{.profile_id = "profile_id",
                               .event_profile = "profile_id",
                               .event_name = "type",
                               .event_time = "ts",
                               .event_id = "event_id",
                               .event_identifier = "profile_id",
                               .account_id = (data[0] & 0x10) != 0 ? "id" : ""};
  const std::function<std::string()> new_id = [] { return std::string("new"); };
  const auto rows = loader::spec_rows({.call = static_cast<loader::SpecCall>(data[0] % 7),
                                       .body = body,
                                       .received = 1'718'452'800'000,
                                       .names = names,
                                       .new_id = new_id});
  (void)loader::spec_write_key(body);
  if (!rows) return 0;
  std::set<std::uint64_t> lines;
  std::uint64_t refused = 0;
  for (const engine::IngestRequest& part : rows->parts) {
    const auto batch = loader::FileDecoder().decode({.bytes = part.bytes});
    CHECK(batch.has_value());
    lines.insert(batch->line_of_row.begin(), batch->line_of_row.end());
    for (const auto& row : batch->rejected) lines.insert(row.line);
    for (const auto& row : part.refused) {
      CHECK(lines.insert(row.line).second);
      ++refused;
    }
  }
  CHECK(refused == rows->refused);
  CHECK(lines.size() == rows->calls);
  CHECK(lines.empty() || (*lines.begin() == 1 && *lines.rbegin() == rows->calls));
  return 0;
}
