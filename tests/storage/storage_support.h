// What the tests of storage share: seeds, temporary folders, whole files, whole logs.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log.h"

namespace muster::storage {

// MUSTER_SEED, or a new seed; printed, so that a failure can be played again.
std::uint64_t seed_of_run();

// A new empty folder, gone with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& file);
void replace_content(const std::filesystem::path& file, std::string_view content);

// Every record of the log from `first` on, or why it could not be read to its end.
Result<std::vector<std::string>> records_of(Log& log, std::uint64_t first = 1);

}  // namespace muster::storage
