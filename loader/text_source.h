// The unpacked bytes of a file, in order, whether it is packed or not.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/result.h"
#include "loader/gzip.h"

namespace muster::loader {

class TextSource {
 public:
  // Errors: NotFound, InvalidArgument (a folder, not readable, named .gz but not gzip).
  static Result<std::unique_ptr<TextSource>> open(const std::filesystem::path& path);

  // Appends up to `size` bytes; fewer only at the end of the file.
  // Errors: InvalidArgument naming the file when reading fails or the gzip data is damaged.
  Status read(std::size_t size, std::string& out);

  bool at_end() const { return at_end_; }  // Nothing comes any more.
  bool is_packed() const { return gunzip_ != nullptr; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  TextSource() = default;
  Status fill();
  Status unpack_some(std::size_t size, std::string& out);
  Error in_file(const Error& error) const;

  std::string name_;
  std::ifstream file_;
  std::unique_ptr<Gunzip> gunzip_;  // Null for plain files.
  std::string piece_;               // Read from the file, used up to `used_`.
  std::size_t used_ = 0;
  bool file_ended_ = false, at_end_ = false;
  std::uint64_t bytes_read_ = 0, bytes_total_ = 0;
};

}  // namespace muster::loader
