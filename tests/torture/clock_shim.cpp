// A clock that is set by hand: loaded in front of the C library (LD_PRELOAD) of a server under
// test.
//
//   MUSTER_CLOCK=FILE    the i64 at the beginning of this file, nanoseconds, is added to the time
//                        of day, whenever it is asked for; the file may change meanwhile
//
// Only the time of day moves: CLOCK_MONOTONIC, which timers go by, is the system's.
// Thread safety: any thread.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kNanos = 1'000'000'000;

using Offset = std::atomic<std::int64_t>;

// Null: nobody asked, or the file cannot be read.
const Offset* offset() {
  static const Offset* const mapped = []() -> const Offset* {
    const char* const name = std::getenv("MUSTER_CLOCK");
    const int file = name == nullptr ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const at = mmap(nullptr, sizeof(Offset), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return at == MAP_FAILED ? nullptr : static_cast<const Offset*>(at);
  }();
  return mapped;
}

int real_time(clockid_t clock, timespec* at) {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "clock_gettime"));
  return real(clock, at);
}

void time_of_day(clockid_t clock, timespec* at) {
  real_time(clock, at);
  const std::int64_t by = offset() == nullptr ? 0 : offset()->load();
  const std::int64_t sum = at->tv_sec * kNanos + at->tv_nsec + by;
  at->tv_sec = sum / kNanos;
  at->tv_nsec = sum % kNanos;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* at) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return real_time(clock, at);
  time_of_day(clock, at);
  return 0;
}

int gettimeofday(timeval* at, void*) {
  timespec exact{};
  time_of_day(CLOCK_REALTIME, &exact);
  at->tv_sec = exact.tv_sec;
  at->tv_usec = exact.tv_nsec / 1'000;
  return 0;
}

time_t time(time_t* at) {
  timespec exact{};
  time_of_day(CLOCK_REALTIME, &exact);
  if (at != nullptr) *at = exact.tv_sec;
  return exact.tv_sec;
}

}  // extern "C"
