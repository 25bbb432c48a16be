#include "tests/support/shared_data.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

namespace muster::testing {

std::optional<std::filesystem::path> shared_data() {
  const char* const named = std::getenv("MUSTER_SHARED");
  const bool has_name = named != nullptr && *named != '\0';
  std::filesystem::path folder = has_name
      ? std::filesystem::path(named)
      : std::filesystem::path(MUSTER_SOURCE_DIR) / ".." / "shared";
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder / "data", ignored)) {
    return std::nullopt;
  }
  return folder;
}

void print_shared_data_absent() {
  std::puts("not run: shared data absent");
}

}  // namespace muster::testing
