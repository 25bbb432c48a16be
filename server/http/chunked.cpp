#include "server/http/chunked.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::server {

namespace {

// A size line with its extensions, and a trailer line.
constexpr std::size_t kLineMax = 1'024;
// All extensions and trailers of a body: nobody sends them but to waste our time.
constexpr std::size_t kOverheadMax = 16U << 10;
// 4 GiB less one: far over any limit of a body. More digits only hide something.
constexpr std::size_t kDigitsMax = 8;

bool is_token_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return letter || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
}

bool is_visible(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::size_t token_length(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_token_character);
  return static_cast<std::size_t>(end - text.begin());
}

// Length of a quoted string with its quotes; 0 when it does not close.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
    if (i < text.size() && !is_visible(text[i])) return 0;
  }
  return 0;
}

// extensions := (";" name ["=" (token | quoted)])*
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    const std::size_t name = token_length(text);
    if (name == 0) return false;
    text.remove_prefix(name);
    if (!text.starts_with('=')) continue;
    text.remove_prefix(1);
    const std::size_t value = text.starts_with('"') ? quoted_length(text) : token_length(text);
    if (value == 0) return false;
    text.remove_prefix(value);
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string chunk_head(std::size_t bytes) {
  std::array<char, 16> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16);
  return std::string(digits.data(), end) + "\r\n";
}

std::size_t ChunkedReader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (state_ == State::More) {
    const std::string_view rest = bytes.substr(taken);
    const std::size_t step =
        expects_ == Expects::Bytes ? take_bytes(rest) : take_line(rest);
    if (step == 0) break;
    taken += step;
  }
  return taken;
}

std::size_t ChunkedReader::take_bytes(std::string_view bytes) {
  const std::size_t size = std::min<std::uint64_t>(left_, bytes.size());
  body_.append(bytes.substr(0, size));
  left_ -= size;
  if (left_ == 0) expects_ = Expects::EndOfBytes;
  return size;
}

std::size_t ChunkedReader::take_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  const std::string_view seen = bytes.substr(0, end);
  // A line feed or carriage return that stands alone is how two readers come to disagree.
  const std::size_t carriage = seen.find('\r');
  const bool ends_well = end != bytes.npos && carriage != seen.npos && carriage + 1 == end;
  const bool still_good = end == bytes.npos && (carriage == seen.npos ||
                                                carriage + 1 == seen.size());
  const bool too_long = seen.size() > kLineMax || overhead_bytes_ > kOverheadMax;
  const bool chunk_end_wrong = expects_ == Expects::EndOfBytes && !seen.empty() && carriage != 0;
  if ((!ends_well && !still_good) || too_long || chunk_end_wrong) {
    state_ = State::Wrong;
    return 0;
  }
  if (!ends_well) return 0;
  const std::string_view line = bytes.substr(0, carriage);
  overhead_bytes_ += line.size() > kDigitsMax ? line.size() : 0;
  switch (expects_) {
    case Expects::Size: size_line(line); break;
    case Expects::EndOfBytes: expects_ = Expects::Size; break;
    case Expects::Trailer: trailer_line(line); break;
    case Expects::Bytes: break;
  }
  return end + 1;
}

void ChunkedReader::size_line(std::string_view line) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_digit(line[digits]) >= 0) {
    if (++digits > kDigitsMax) break;
    size = size * 16 + static_cast<std::uint64_t>(hex_digit(line[digits - 1]));
  }
  if (digits == 0 || digits > kDigitsMax || !are_extensions(line.substr(digits))) {
    state_ = State::Wrong;
  } else if (body_.size() + size > bytes_max_) {
    state_ = State::TooLarge;
  } else {
    left_ = size;
    expects_ = size == 0 ? Expects::Trailer : Expects::Bytes;
  }
}

void ChunkedReader::trailer_line(std::string_view line) {
  if (line.empty()) {
    state_ = State::Done;
    return;
  }
  const std::size_t name = token_length(line);
  const bool good = name != 0 && name < line.size() && line[name] == ':' &&
                    std::all_of(line.begin(), line.end(), is_visible);
  overhead_bytes_ += line.size();
  if (!good) state_ = State::Wrong;
}

}  // namespace muster::server
