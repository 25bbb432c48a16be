// What the journals of a world have, and what a compaction of erased people makes of them.
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "connect/compress.h"
#include "tests/connect/export_world.h"

namespace muster::connect::testing {

struct Compacted {
  std::uint64_t changed = 0, needed = 0;
};

// As the engine does it: all records of all streams, in order.
inline Compacted compact(World& world, const index::Bitmap& erased) {
  Compacted done;
  const engine::EraseOutcome erase = world.exporter->eraser(erased);
  for (auto& [stream, payloads] : world.store.streams) {
    for (std::string& payload : payloads) {
      auto outcome = erase(stream, payload);
      EXPECT_TRUE(outcome) << outcome.error().message;
      done.needed += outcome->is_needed ? 1 : 0;
      if (!outcome->payload) continue;
      ++done.changed;
      payload = *outcome->payload;
    }
  }
  return done;
}

// Records that have the text, also in a body.
inline std::uint64_t records_with(const World& world, const std::string& text) {
  std::uint64_t found = 0;
  const auto body_has = [&](const BatchPlanned& batch) {
    const bool known = !batch.known.empty() &&
                       unpack(batch.known, 1U << 30)->find(text) != std::string::npos;
    return known || unpack(batch.packed, 1U << 30)->find(text) != std::string::npos;
  };
  for (const auto& [stream, payloads] : world.store.streams) {
    for (const std::string& payload : payloads) {
      const OutcomeRecord record = decode_outcome(payload).value();
      bool has = payload.find(text) != std::string::npos;
      if (const auto* batch = std::get_if<BatchPlanned>(&record)) has = has || body_has(*batch);
      if (const auto* split = std::get_if<Split>(&record)) {
        has = has || body_has(split->first) || body_has(split->second);
      }
      const auto* recut = std::get_if<Recut>(&record);
      if (recut != nullptr && recut->has_next) has = has || body_has(recut->next);
      found += has ? 1 : 0;
    }
  }
  return found;
}

}  // namespace muster::connect::testing
