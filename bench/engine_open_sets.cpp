#include <dlfcn.h>

#include <cstring>

#include "bench/engine_sets.h"

namespace muster::bench {

std::unique_ptr<SetEngine> open_set_engine(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  void* const found = dlsym(library, "muster_bench_set_engine");
  if (found == nullptr) return nullptr;
  SetEngine* (*make)() = nullptr;
  std::memcpy(&make, &found, sizeof(found));
  return std::unique_ptr<SetEngine>(make());
}

}  // namespace muster::bench
