#include "server/http/head.h"

#include <array>
#include <charconv>

#include "server/http/url.h"

namespace muster::server {

namespace {

constexpr std::string_view kCrlf = "\r\n";

bool is_token_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool digit = c >= '0' && c <= '9';
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return letter || digit || kMarks.find(c) != kMarks.npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

// Visible ASCII, blanks, and bytes of UTF-8; no control characters.
bool is_value_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Calls `visit` for each element of a comma-separated list.
template <typename Visit>
void each_element(std::string_view list, const Visit& visit) {
  while (true) {
    const std::size_t comma = list.find(',');
    visit(lower(trim(list.substr(0, comma))));
    if (comma == list.npos) return;
    list.remove_prefix(comma + 1);
  }
}

class HeadParser {
 public:
  explicit HeadParser(std::string_view bytes) : rest_(bytes) {}

  HeadResult parse() {
    if (!request_line() || !header_lines() || !host() || !framing() || !connection()) {
      return {std::nullopt, std::move(error_)};
    }
    return {std::move(head_), {}};
  }

 private:
  bool fail(int status, std::string detail) {
    error_ = {status, std::move(detail)};
    return false;
  }

  std::string_view line() {
    const std::size_t end = rest_.find(kCrlf);
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + kCrlf.size());
    return found;
  }

  // request-line := method SP origin-form SP HTTP/1.0 or HTTP/1.1
  bool request_line() {
    const std::string_view text = line();
    if (text.size() > kRequestLineBytesMax) return fail(414, "the address is over 8 KiB");
    const std::size_t first = text.find(' ');
    const std::size_t second = first == text.npos ? text.npos : text.find(' ', first + 1);
    if (second == text.npos || text.find(' ', second + 1) != text.npos) {
      return fail(400, "the request line is not METHOD ADDRESS HTTP/1.1");
    }
    const std::string_view method = text.substr(0, first);
    const std::string_view version = text.substr(second + 1);
    // Registered methods have at most 17 letters.
    if (!is_token(method) || method.size() > 32) return fail(400, "the method is not a token");
    if (version == "HTTP/1.0") {
      head_.http_1_0 = true;
    } else if (version != "HTTP/1.1") {
      return fail(400, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    head_.request.method = method_named(method);
    return target(text.substr(first + 1, second - first - 1));
  }

  bool target(std::string_view text) {
    if (!text.starts_with('/')) return fail(400, "the address must begin with a slash");
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= 0x20 || byte >= 0x7f || c == '#') {
        return fail(400, "the address holds a character that must be escaped");
      }
    }
    const std::size_t mark = text.find('?');
    head_.request.path = std::string(text.substr(0, mark));
    auto query = parse_query(mark == text.npos ? std::string_view{} : text.substr(mark + 1));
    if (!query) return fail(400, query.error().message);
    head_.request.query = std::move(*query);
    return true;
  }

  bool header_lines() {
    for (std::string_view text = line(); !text.empty(); text = line()) {
      if (head_.request.headers.size() == kHeadersMax) return fail(431, "over 100 headers");
      const std::size_t colon = text.find(':');
      if (colon == text.npos || !is_token(text.substr(0, colon))) {
        return fail(400, "a header line is not NAME: VALUE");
      }
      const std::string_view value = trim(text.substr(colon + 1));
      if (!std::all_of(value.begin(), value.end(), is_value_character)) {
        return fail(400, "a header value holds a control character");
      }
      head_.request.headers.push_back({lower(text.substr(0, colon)), std::string(value)});
    }
    return true;
  }

  bool host() {
    const std::size_t hosts = head_.request.header_count("host");
    if (hosts > 1 || (hosts == 0 && !head_.http_1_0)) {
      return fail(400, "exactly one Host header is needed");
    }
    if (head_.request.header_count("authorization") > 1) {
      return fail(400, "two Authorization headers");
    }
    return true;
  }

  bool framing() {
    const std::size_t lengths = head_.request.header_count("content-length");
    const std::size_t encodings = head_.request.header_count("transfer-encoding");
    // A proxy in front may read an underscore as a hyphen, and then frames the body its own way.
    for (const std::string_view twin : {"content_length", "transfer_encoding"}) {
      if (head_.request.header_count(twin) != 0) return fail(400, "a framing header is misspelt");
    }
    if (lengths + encodings > 1) return fail(400, "the length of the body is said twice");
    if (encodings == 1) {
      if (head_.http_1_0) return fail(400, "HTTP/1.0 knows no Transfer-Encoding");
      if (lower(head_.request.header("transfer-encoding")) != "chunked") {
        return fail(400, "the only Transfer-Encoding is chunked");
      }
      head_.chunked = true;
    }
    return lengths == 0 || content_length(head_.request.header("content-length"));
  }

  bool content_length(std::string_view text) {
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    // 19 digits always fit; longer ones are leading zeros or nonsense.
    if (!digits || text.size() > 19 || error != std::errc{} || end != text.data() + text.size()) {
      return fail(400, "Content-Length is not a number");
    }
    head_.content_length = length;
    return true;
  }

  bool connection() {
    head_.keep_alive = !head_.http_1_0;
    each_element(head_.request.header("connection"), [&](const std::string& element) {
      if (element == "close") head_.keep_alive = false;
    });
    const std::string expect = lower(head_.request.header("expect"));
    if (!expect.empty() && expect != "100-continue") {
      return fail(417, "the only expectation that can be met is 100-continue");
    }
    head_.expects_continue = !expect.empty() && !head_.http_1_0;
    return true;
  }

  std::string_view rest_;
  Head head_;
  HeadError error_;
};

}  // namespace

HeadResult parse_head(std::string_view bytes) { return HeadParser(bytes).parse(); }

std::optional<HeadError> spoilt_head(std::string_view bytes) {
  bool first_line = true;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '\r') {
      if (i + 1 < bytes.size() && bytes[i + 1] != '\n') {
        return HeadError{400, "a carriage return stands alone"};
      }
      first_line = false;
    } else if (c == '\n') {
      if (i == 0 || bytes[i - 1] != '\r') return HeadError{400, "a line feed stands alone"};
    } else if (!is_value_character(c)) {
      return HeadError{400, "the head holds a control character"};
    }
  }
  if (first_line && bytes.size() > kRequestLineBytesMax) {
    return HeadError{414, "the address is over 8 KiB"};
  }
  if (bytes.size() > kHeadBytesMax) return HeadError{431, "the head is over 16 KiB"};
  return std::nullopt;
}

}  // namespace muster::server
