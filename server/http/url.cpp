#include "server/http/url.h"

#include <charconv>

namespace muster::server {

namespace {

// More is a mistake or an attack; our routes know at most a dozen.
constexpr std::size_t kQueryParametersMax = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return percent_decode(spaced);
}

bool is_host_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':';
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool plain =
        letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    auto name = form_decode(part.substr(0, equals));
    auto value = form_decode(equals == part.npos ? "" : part.substr(equals + 1));
    if (!name || !value) {
      return Error{ErrorCode::InvalidArgument, "the query holds a broken percent escape"};
    }
    for (const auto& [known, ignored] : query) {
      if (known == *name) {
        return Error{ErrorCode::InvalidArgument,
                     "the query parameter '" + *name + "' is given twice"};
      }
    }
    if (query.size() == kQueryParametersMax) {
      return Error{ErrorCode::InvalidArgument, "the query has more than 64 parameters"};
    }
    query.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

Result<HostPort> parse_host_port(std::string_view text,
                                 std::optional<std::uint16_t> default_port) {
  const Error wrong{ErrorCode::InvalidArgument,
                    "'" + std::string(text) + "' is not HOST:PORT, such as 127.0.0.1:8080"};
  std::string_view host = text;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == text.npos) return wrong;
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == text.npos ? std::string_view{} : text.substr(colon);
  }
  if (host.empty()) return wrong;
  for (const char c : host) {
    if (!is_host_character(c)) return wrong;
  }
  if (rest.empty()) {
    if (!default_port) return wrong;
    return HostPort{lower(host), *default_port};
  }
  const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return wrong;
  return HostPort{lower(host), *port};
}

Result<Url> parse_http_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const std::string shown(text);
  if (!text.starts_with(kScheme)) {
    return Error{ErrorCode::InvalidArgument,
                 "'" + shown + "' is not a server URL, such as http://127.0.0.1:8080"};
  }
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  std::string_view path = slash == text.npos ? std::string_view{} : text.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  auto at = parse_host_port(text.substr(0, slash), 80);
  const bool odd = path.find_first_of("?# \t\r\n") != path.npos;
  if (!at || odd) {
    return Error{ErrorCode::InvalidArgument,
                 "'" + shown + "' is not a server URL, such as http://127.0.0.1:8080"};
  }
  return Url{std::move(*at), std::string(path)};
}

bool is_loopback_name(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == host.npos;
}

}  // namespace muster::server
