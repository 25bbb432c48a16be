#include "connect/file_destination.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "connect/file_form.h"

namespace muster::connect {
namespace {

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  bool good() const { return number_ >= 0; }

 private:
  int number_;
};

Error failed(std::string_view what) {
  return {ErrorCode::Unavailable,
          "The file could not be " + std::string(what) + ": " + std::strerror(errno) + "."};
}

// The folder below `root`, made where it is missing; links are not followed.
Result<int> open_folder(const std::string& root, const std::string& directory) {
  Descriptor folder(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.good()) return failed("written, because the export directory is not there");
  std::size_t from = 0;
  while (from < directory.size()) {
    const std::size_t to = std::min(directory.find('/', from), directory.size());
    const std::string name = directory.substr(from, to - from);
    if (mkdirat(folder.get(), name.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return failed("written, because its folder cannot be made");
    }
    Descriptor inner(openat(folder.get(), name.c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner.good()) return failed("written, because its folder cannot be opened");
    folder = std::move(inner);
    from = to + 1;
  }
  const int number = dup(folder.get());
  if (number < 0) return failed("written");
  return number;
}

Status write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return Ok{};
}

Status write_file(int folder, const std::string& name, std::string_view bytes) {
  const std::string temporary = "." + name + ".tmp";
  const Descriptor file(openat(folder, temporary.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file.good()) return failed("made");
  Status written = write_all(file.get(), bytes);
  if (written && fsync(file.get()) != 0) written = failed("synced");
  if (written && renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
    written = failed("renamed");
  }
  if (!written) {
    unlinkat(folder, temporary.c_str(), 0);
    return written;
  }
  return fsync(folder) == 0 ? Status(Ok{}) : failed("synced in its folder");
}

class FileDestination final : public Destination {
 public:
  FileDestination(std::string root, FileTarget target)
      : root_(std::move(root)), target_(std::move(target)) {}

  Answer deliver(const Delivery& delivery, std::stop_token) override {
    const Status done = put(delivery);
    if (!done) return {.kind = AnswerKind::NotSent, .text = done.error().message};
    return {.kind = AnswerKind::Status, .status = 200};
  }

 private:
  Status put(const Delivery& delivery) const {
    // Of a batch that was cut for another kind, the target is anything: no name of ours.
    const std::string& target = delivery.request.target;
    if (delivery.request.method != kFileMethod || target.empty() ||
        target.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      return Error{ErrorCode::InvalidArgument, "This delivery was made for no directory."};
    }
    TRY_ASSIGN(const int number, open_folder(root_, target_.directory));
    const Descriptor folder(number);
    const bool is_set = target_.format == FileFormat::Roaring;
    std::string name = target + "." + std::string(delivery.message_id) +
                       "." + std::string(name_of(target_.format));
    if (!is_set && delivery.gzip) name += ".gz";
    return write_file(folder.get(), name,
                      is_set ? delivery.people.to_bytes() : delivery.body);
  }

  std::string root_;
  FileTarget target_;
};

}  // namespace

Status KindFactory::check(const DestinationDocument& document) const {
  if (!document.file) return web_->check(document);
  if (!root_.empty()) return Ok{};
  return Error{ErrorCode::PermissionDenied,
               "files are written only where the operator says so: muster serve "
               "--export-directory DIR"};
}

std::unique_ptr<Destination> KindFactory::make(const DestinationDocument& document) const {
  if (!document.file) return web_->make(document);
  if (root_.empty()) {
    return std::make_unique<RefusingDestination>("The operator allows no export directory.");
  }
  return std::make_unique<FileDestination>(root_, *document.file);
}

}  // namespace muster::connect
