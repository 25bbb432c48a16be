// Sample data of a made-up shop, of any size, the same bytes for the same options everywhere.
//
// People with attributes of every type, many of them missing or with several values; products; and
// events in time order with a December peak, a weekly and a daily rhythm and few products that sell
// most. All people are invented: names are made of syllables, addresses end in example.com. No
// floating-point function of the system is used, so that machines agree.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace muster::loader {

inline constexpr TimeMs kDemoNow = 1'782'777'600'000;  // 2026-06-30T00:00:00Z
inline constexpr std::uint64_t kDemoProfilesMax = 100'000'000;
inline constexpr std::uint64_t kDemoEventsEachMax = 10'000;
inline constexpr std::uint64_t kDemoEventsMax = 10'000'000'000;
inline constexpr std::uint32_t kDemoProductsMax = 100'000;

struct DemoOptions {
  std::uint64_t seed = 1;
  std::uint64_t profiles = 100'000;
  std::uint64_t events_each = 20;  // On average.
  std::uint32_t products = 2'000;
  TimeMs now = kDemoNow;  // Events end with the day before; they begin two years earlier.
};

// Takes NDJSON, whole lines, about a MiB at a time. An error ends the generation.
using DemoSink = std::function<Status(std::string_view rows)>;

// Each generates one table.
// Errors: InvalidArgument for options beyond the limits above; those of the sink.
Status generate_profiles(const DemoOptions& options, const DemoSink& sink);
Status generate_products(const DemoOptions& options, const DemoSink& sink);
Status generate_events(const DemoOptions& options, const DemoSink& sink);
// The declaration document that fits them.
std::string demo_schema();

struct DemoFiles {
  std::filesystem::path schema, profiles, products, events;
  std::uint64_t bytes = 0;  // Of rows, before packing.
};

// Writes schema.json, profiles.ndjson, products.ndjson and events.ndjson.gz into the folder, which
// is made when there is none; files of these names are written over.
// Errors: InvalidArgument when the folder cannot be written to; StorageFull.
Result<DemoFiles> write_demo(const DemoOptions& options, const std::filesystem::path& folder);

}  // namespace muster::loader
