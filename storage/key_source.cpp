// Where a key-encryption key comes from (storage/keyring.h).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"
#include "storage/files.h"
#include "storage/keyring.h"

namespace muster::storage {
namespace {

// A key and its line end in any spelling, and room to see that there is more.
constexpr std::size_t kBytesMax = 256;
constexpr std::chrono::seconds kCommandTime{30};

Error wrong(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

std::optional<std::string> key_of_hex(std::string_view text) {
  if (text.size() != 2 * kAesKeyBytes) return std::nullopt;
  std::string key;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 2) return std::nullopt;
    key += static_cast<char>(byte);
  }
  return key;
}

Result<std::string> key_of(std::string_view text, const std::string& source) {
  if (text.size() == kAesKeyBytes) return std::string(text);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (auto key = key_of_hex(text)) return std::move(*key);
  if (auto key = from_base64(text); key && key->size() == kAesKeyBytes) return std::move(*key);
  return wrong("the encryption key of " + source + " is none: 32 bytes fit, or 64 hexadecimal "
               "digits, or base64 of 32 bytes");
}

// Reads to the end, or until it is too much.
Result<std::string> read_to_end(int file, const std::string& source,
                                std::chrono::steady_clock::time_point until) {
  std::string text;
  while (text.size() <= kBytesMax) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd ready{file, POLLIN, 0};
    const int found = ::poll(&ready, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (found < 0 && errno == EINTR) continue;
    if (found == 0) {
      return Error{ErrorCode::Unavailable, source + " gave no encryption key within 30 s"};
    }
    char buffer[kBytesMax];
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read the encryption key from", source, errno);
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

Result<std::string> of_file(const std::string& path) {
  TRY_ASSIGN(const Descriptor file, open_file(path, O_RDONLY));
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return file_error("look at", path, errno);
  if (S_ISREG(found.st_mode) && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{ErrorCode::PermissionDenied,
                 "the encryption key in " + path + " can be read by others than its owner: "
                 "chmod 600 it"};
  }
  return read_to_end(file.get(), path, std::chrono::steady_clock::now() + kCommandTime);
}

Result<std::string> of_descriptor(const std::string& number) {
  int file = -1;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), file);
  if (error != std::errc{} || end != number.data() + number.size() || file < 0) {
    return wrong("fd:" + number + " names no file descriptor: a number fits, like fd:3");
  }
  const Descriptor taken(file);
  return read_to_end(file, "fd:" + number, std::chrono::steady_clock::now() + kCommandTime);
}

// Ends what it began, whatever becomes of it.
class Child {
 public:
  explicit Child(pid_t number) : number_(number) {}
  ~Child() {
    if (number_ < 0) return;
    ::kill(number_, SIGKILL);
    ::waitpid(number_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // How it ended; nothing when it does not by then.
  std::optional<int> wait(std::chrono::steady_clock::time_point until) {
    for (;;) {
      int status = 0;
      if (::waitpid(number_, &status, WNOHANG) == number_) {
        number_ = -1;
        return status;
      }
      if (std::chrono::steady_clock::now() > until) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  pid_t number_;
};

Result<std::string> of_command(const std::string& command) {
  int ends[2] = {};
  if (::pipe2(ends, O_CLOEXEC) != 0) return file_error("run", command, errno);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const char* const arguments[] = {"sh", "-c", command.c_str(), nullptr};
  const pid_t number = ::fork();
  if (number < 0) return file_error("run", command, errno);
  if (number == 0) {
    ::dup2(writing.get(), STDOUT_FILENO);
    ::execv("/bin/sh", const_cast<char* const*>(arguments));
    ::_exit(127);
  }
  Child child(number);
  writing = Descriptor();
  const auto until = std::chrono::steady_clock::now() + kCommandTime;
  auto text = read_to_end(reading.get(), "the command '" + command + "'", until);
  // With more it may never end by itself.
  if (!text || text->size() > kBytesMax) return text;
  const std::optional<int> status = child.wait(until);
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return text;
  return Error{ErrorCode::Unavailable, "the command '" + command +
                                           "' that gives the encryption key failed"};
}

}  // namespace

Result<std::string> read_key_encryption_key(const std::string& source) {
  const std::size_t colon = source.find(':');
  const std::string kind = source.substr(0, colon);
  const std::string what = colon == std::string::npos ? "" : source.substr(colon + 1);
  Result<std::string> text = wrong("--encryption-key '" + source +
                                   "' says not where the key is: file:PATH, fd:NUMBER or "
                                   "command:COMMAND");
  if (kind == "file" && !what.empty()) text = of_file(what);
  if (kind == "fd" && !what.empty()) text = of_descriptor(what);
  if (kind == "command" && !what.empty()) text = of_command(what);
  if (!text) return text;
  return key_of(*text, source);
}

}  // namespace muster::storage
