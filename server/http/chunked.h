// Takes a chunked body apart, strictly and piece by piece; and what makes one.
//
//   body  := chunk* last trailers CRLF
//   chunk := size [extensions] CRLF bytes CRLF      size: 1 to 8 hexadecimal digits
//   last  := zeros [extensions] CRLF
//
// Extensions are checked and ignored; trailers are checked and thrown away, so that nothing behind
// a body can authenticate or route.
// Source: RFC 9112, section 7.1.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::server {

// What stands before the bytes of a chunk that is sent, and behind all of them. A CRLF ends the
// bytes of each.
std::string chunk_head(std::size_t bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

class ChunkedReader {
 public:
  enum class State { More, Done, Wrong, TooLarge };

  explicit ChunkedReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Takes what it can from the front and returns how many bytes that were; after Done the rest
  // belongs to the next request. Give what was not taken again, with more behind it.
  std::size_t feed(std::string_view bytes);

  State state() const { return state_; }
  std::string& body() { return body_; }

 private:
  enum class Expects { Size, Bytes, EndOfBytes, Trailer };

  std::size_t take_line(std::string_view bytes);
  std::size_t take_bytes(std::string_view bytes);
  void size_line(std::string_view line);
  void trailer_line(std::string_view line);

  const std::size_t bytes_max_;
  std::string body_;
  Expects expects_ = Expects::Size;
  State state_ = State::More;
  std::uint64_t left_ = 0;          // Of the chunk under way.
  std::size_t overhead_bytes_ = 0;  // Extensions and trailers, of all chunks.
};

}  // namespace muster::server
