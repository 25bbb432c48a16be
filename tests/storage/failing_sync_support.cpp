#include "tests/storage/failing_sync_support.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace {

std::atomic<bool> is_failing = false;

}  // namespace

namespace muster::storage {

FailingSync::FailingSync() { is_failing = true; }
FailingSync::~FailingSync() { is_failing = false; }

}  // namespace muster::storage

// The program's own comes before that of the C library, for RocksDB too.
extern "C" int fdatasync(int descriptor) {
  if (is_failing) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}
