// A muster server that a benchmark started, in a folder of its own.
//
// Thread safety: one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace muster::bench {

// What a process has taken so far, all threads together.
struct ProcessUse {
  double cpu_seconds = 0;      // To a hundredth.
  std::uint64_t switches = 0;  // Of threads that gave up a core, or had to.
};

class ServerProcess {
 public:
  ServerProcess() = default;
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts the program on a fresh folder below `parent` and waits until it is ready, 30 s at most.
  // Errors: Unavailable when it is not.
  Status start(const std::string& program, const std::filesystem::path& parent);
  std::uint16_t port() const { return port_; }
  ProcessUse use() const;

 private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace muster::bench
