#include "server/key_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/random.h"

namespace muster::server {

std::string random_key() {
  SystemRandom random;
  std::string key;
  while (key.size() < kKeyFileBytes) {
    std::uint64_t word = random.next();
    for (int i = 0; i < 8; ++i, word >>= 8) key.push_back(static_cast<char>(word & 0xff));
  }
  return key;
}

Result<std::string> read_or_make_key(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (in) {
    std::string key(std::istreambuf_iterator<char>(in), {});
    if (key.size() == kKeyFileBytes) return key;
    return Error{ErrorCode::Corrupt, path + " is not a key of 32 bytes"};
  }
  const std::string key = random_key();
  // Whole under another name first, so that a crash never leaves a key cut short; a link, unlike
  // a rename, never replaces a key that is there but cannot be read.
  const std::string draft = path + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const auto failed = [&] {
    return Error{ErrorCode::Unavailable, "cannot make the key file " + path + ": " +
                                             std::strerror(errno)};
  };
  if (file < 0) return failed();
  const bool whole = ::write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size());
  const bool synced = whole && ::fsync(file) == 0;
  ::close(file);
  if (!synced || ::link(draft.c_str(), path.c_str()) != 0) return failed();
  ::unlink(draft.c_str());
  return key;
}

}  // namespace muster::server
