// Bytes that have come and wait to be taken, from the front.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace muster::server {

class ReadBuffer {
 public:
  std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }

  // Room for so many more behind the others; they count once they are committed. Gives back what
  // it has beyond need: an idle connection keeps little.
  char* prepare(std::size_t size) {
    const std::size_t held = end_ - begin_;
    const bool is_far_too_large = held == 0 && size_ > 4 * size;
    if (size_ - end_ < size || is_far_too_large) {
      if (size_ >= held + size && !is_far_too_large) {
        std::memmove(bytes_.get(), bytes_.get() + begin_, held);
      } else {
        std::unique_ptr<char[]> larger(new char[held + size]);
        if (held != 0) std::memcpy(larger.get(), bytes_.get() + begin_, held);
        bytes_ = std::move(larger);
        size_ = held + size;
      }
      begin_ = 0;
      end_ = held;
    }
    return bytes_.get() + end_;
  }
  void commit(std::size_t size) { end_ += size; }
  void consume(std::size_t size) {
    begin_ += std::min(size, end_ - begin_);
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace muster::server
