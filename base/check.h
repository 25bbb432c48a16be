// CHECK: what we promise ourselves. It is always on and stops the program with file and line.
//
// Never on outside data: what comes from a file, a socket or a person is answered with an Error.
#pragma once

namespace muster {

// Prints the broken promise and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace muster

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) [[unlikely]]                                              \
      ::muster::check_failed(#condition, __FILE__, __LINE__);                   \
  } while (false)
