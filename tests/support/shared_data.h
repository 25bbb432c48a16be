// Where the shared test data lies, if this machine has it.
//
// Data sets and hostile inputs are no part of the repository. MUSTER_SHARED names their folder;
// without it ../shared beside the source folder is tried. Thread safety: any thread.
#pragma once

#include <filesystem>
#include <optional>

namespace muster::testing {

// The folder that holds data/ and tools/, or nothing on a machine without it.
std::optional<std::filesystem::path> shared_data();

// Says so on the test's output, in the words that tools/test looks for.
void print_shared_data_absent();

}  // namespace muster::testing

// Ends a test, with a word, where the shared data is absent; .ci/run never lets that happen.
#define RETURN_WITHOUT_SHARED_DATA()                       \
  do {                                                     \
    if (!::muster::testing::shared_data()) {               \
      ::muster::testing::print_shared_data_absent();       \
      return;                                              \
    }                                                      \
  } while (false)
