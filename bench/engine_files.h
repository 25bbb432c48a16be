// Trees of sets over a folder of bitmaps in the text form of the public real-roaring-datasets: one
// file per bitmap, its members as integers with commas between them.
//
// Every bitmap becomes one value of a list attribute, so our side answers as it answers any
// segment; CRoaring gets the same bitmaps as they are.
// Thread safety: one thread at a time.
#pragma once

#include <filesystem>

#include "bench/engine_beside.h"

namespace muster::bench {

// As many as have value bitmaps of their own (index/table.h).
inline constexpr std::size_t kFilesMax = 4'096;

// Fills segments: seeded trees of 2 to 30 leaves of and, or and and-not.
// Errors: InvalidArgument naming a file that cannot be read; Corrupt when the engines disagree.
Status run_files(const std::filesystem::path& folder, const EngineOptions& options,
                 EngineReport& report);

}  // namespace muster::bench
