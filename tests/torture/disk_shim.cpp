// A disk that breaks on purpose: loaded in front of the C library (LD_PRELOAD) of a server under
// test.
//
//   MUSTER_DISK=cut:N    at the N-th sync the power goes: what was written since each file's last
//                        sync is taken back, then the process is killed
//   MUSTER_DISK=kill:N   at the N-th sync the process is killed; what was written stays
//   MUSTER_DISK=fail:N   the N-th sync fails with EIO, and so do all after it
//   MUSTER_DISK_LIES=1   syncs say that they worked and do nothing: a cut then takes back
//                        everything since the start
//
// N counts fsync() and fdatasync() of all threads, from 1; 0 is never. SIGUSR1 is a cut at once.
// Files that are only appended to are cut at the size they had when synced; bytes overwritten in
// place are put back. Names, renames and deletions are taken as durable: a journaling file system
// orders them before the data it acknowledges.
// Thread safety: any thread; the table is behind one mutex.
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

enum class Fault { None, Cut, Kill, Fail };

struct Overwritten {
  off_t at = 0;
  std::string before;
};

// What a file had when it was last synced.
struct File {
  int descriptor = -1;  // Our own: the server may close its.
  off_t size = 0;
  std::vector<Overwritten> overwritten;  // Since then, oldest first.
};

using Inode = std::pair<dev_t, ino_t>;

struct Disk {
  std::mutex mutex;  // Guards files.
  std::map<Inode, File> files;
  Fault fault = Fault::None;
  long at = 0;
  bool lies = false;
  std::atomic<long> syncs = 0;
};

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void cut_at_once(int);
void wait_for_cut();

Disk& disk() {
  static Disk* const made = [] {
    auto* const fresh = new Disk;
    const char* const asked = std::getenv("MUSTER_DISK");
    const std::string text = asked == nullptr ? "" : asked;
    const std::size_t colon = text.find(':');
    const std::string kind = text.substr(0, colon);
    if (kind == "cut") fresh->fault = Fault::Cut;
    if (kind == "kill") fresh->fault = Fault::Kill;
    if (kind == "fail") fresh->fault = Fault::Fail;
    if (colon != std::string::npos) fresh->at = std::atol(text.c_str() + colon + 1);
    fresh->lies = std::getenv("MUSTER_DISK_LIES") != nullptr;
    return fresh;
  }();
  return *made;
}

sem_t cut_asked;

// Before the server's own code runs.
__attribute__((constructor)) void prepare() {
  if (disk().fault != Fault::Cut) return;
  sem_init(&cut_asked, 0, 0);
  std::thread(wait_for_cut).detach();
  std::signal(SIGUSR1, cut_at_once);
}

// The file behind a descriptor that is about to be written; null when it is no plain file, or
// nobody asks.  Requires the mutex.
File* file_of(int descriptor) {
  if (disk().fault != Fault::Cut) return nullptr;
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  const auto [found, is_new] = disk().files.try_emplace({status.st_dev, status.st_ino});
  if (is_new) {
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    found->second.descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
    found->second.size = status.st_size;
  }
  return &found->second;
}

// Keeps what stands where something else will be written.
void remember(int descriptor, off_t at, std::size_t count) {
  const std::lock_guard held(disk().mutex);
  File* const file = file_of(descriptor);
  if (file == nullptr || at >= file->size) return;
  Overwritten kept{.at = at, .before = std::string(
      std::min<std::size_t>(count, static_cast<std::size_t>(file->size - at)), '\0')};
  static const auto read_at = real<ssize_t (*)(int, void*, std::size_t, off_t)>("pread64");
  const ssize_t got = read_at(file->descriptor, kept.before.data(), kept.before.size(), at);
  kept.before.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  file->overwritten.push_back(std::move(kept));
}

void remember_at_position(int descriptor, std::size_t count) {
  const int flags = fcntl(descriptor, F_GETFL);
  struct stat status {};
  if (flags < 0 || fstat(descriptor, &status) != 0) return;
  const off_t at = (flags & O_APPEND) != 0 ? status.st_size : lseek(descriptor, 0, SEEK_CUR);
  if (at >= 0) remember(descriptor, at, count);
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Requires the mutex.
[[noreturn]] void cut() {
  static const auto write_at =
      real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite64");
  static const auto truncate_to = real<int (*)(int, off_t)>("ftruncate64");
  for (auto& [inode, file] : disk().files) {
    if (file.descriptor < 0) continue;
    for (auto kept = file.overwritten.rbegin(); kept != file.overwritten.rend(); ++kept) {
      (void)!write_at(file.descriptor, kept->before.data(), kept->before.size(), kept->at);
    }
    struct stat status {};
    if (fstat(file.descriptor, &status) == 0 && status.st_size > file.size) {
      (void)!truncate_to(file.descriptor, file.size);
    }
  }
  die();
}

void cut_at_once(int) { sem_post(&cut_asked); }

// The cut takes the mutex like everybody else: no sync is half noted then.
void wait_for_cut() {
  while (sem_wait(&cut_asked) != 0) {
  }
  disk().mutex.lock();
  cut();
}

int sync_with(int descriptor, const char* name) {
  Disk& own = disk();
  const long number = ++own.syncs;
  if (own.at != 0 && number >= own.at) {
    if (own.fault == Fault::Fail && !own.lies) {
      errno = EIO;
      return -1;
    }
    if (own.fault == Fault::Kill) die();
    if (own.fault == Fault::Cut) {
      own.mutex.lock();
      cut();
    }
  }
  if (own.lies) return 0;
  if (own.fault != Fault::Cut) return real<int (*)(int)>(name)(descriptor);
  const std::lock_guard held(own.mutex);
  const int result = real<int (*)(int)>(name)(descriptor);
  if (result == 0) {
    struct stat status {};
    File* const file = file_of(descriptor);
    if (file != nullptr && fstat(descriptor, &status) == 0) {
      file->size = status.st_size;
      file->overwritten.clear();
    }
  }
  return result;
}

}  // namespace

extern "C" {

int fsync(int descriptor) { return sync_with(descriptor, "fsync"); }
int fdatasync(int descriptor) { return sync_with(descriptor, "fdatasync"); }

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  static const auto next = real<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (disk().fault == Fault::Cut) remember_at_position(descriptor, count);
  return next(descriptor, bytes, count);
}

ssize_t writev(int descriptor, const struct iovec* pieces, int count) {
  static const auto next = real<ssize_t (*)(int, const struct iovec*, int)>("writev");
  if (disk().fault == Fault::Cut) {
    std::size_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += pieces[i].iov_len;
    remember_at_position(descriptor, bytes);
  }
  return next(descriptor, pieces, count);
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t at) {
  static const auto next =
      real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite64");
  remember(descriptor, at, count);
  return next(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off64_t at) {
  return pwrite(descriptor, bytes, count, at);
}

int ftruncate(int descriptor, off_t size) {
  static const auto next = real<int (*)(int, off_t)>("ftruncate64");
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && size < status.st_size) {
    remember(descriptor, size, static_cast<std::size_t>(status.st_size - size));
  }
  return next(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

}  // extern "C"
