// What the tests of storage share: seeds, whole files, whole logs.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log.h"
#include "tests/support/temporary_folder.h"

namespace muster::storage {

// MUSTER_SEED, or a new seed; printed, so that a failure can be played again.
std::uint64_t seed_of_run();

using testing::TemporaryFolder;

std::string content_of(const std::filesystem::path& file);
void replace_content(const std::filesystem::path& file, std::string_view content);

// Every record of the log from `first` on, or why it could not be read to its end.
Result<std::vector<std::string>> records_of(Log& log, std::uint64_t first = 1);

}  // namespace muster::storage
