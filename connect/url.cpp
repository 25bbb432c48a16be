#include "connect/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::connect {
namespace {

constexpr std::size_t kHostBytesMax = 253;   // RFC 1035, 2.3.4.
constexpr std::size_t kLabelBytesMax = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Error wrong(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

// Whether resolvers or browsers take the last label for a number, and so the host for an address.
bool looks_like_address(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (last.starts_with("0x")) {
    return std::all_of(last.begin() + 2, last.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f');
    });
  }
  return std::all_of(last.begin(), last.end(), is_digit);
}

Status check_name(std::string_view host) {
  if (host.size() > kHostBytesMax) return wrong("The host of the URL is longer than 253 bytes.");
  std::size_t label = 0;
  for (std::size_t i = 0; i <= host.size(); ++i) {
    if (i < host.size() && host[i] != '.') {
      const char c = host[i];
      if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_') {
        return wrong("The host of the URL holds a character that no host name has; write names "
                     "beyond ASCII in their xn-- form.");
      }
      ++label;
      continue;
    }
    if (label == 0 || label > kLabelBytesMax) {
      return wrong("The host of the URL has an empty or too long part between its dots.");
    }
    label = 0;
  }
  return Ok{};
}

Status read_bracketed(std::string_view inside, Url& url) {
  in6_addr address{};
  const std::string text(inside);
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) {
    return wrong("The host of the URL is in brackets but no IPv6 address (a zone is not taken).");
  }
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  inet_ntop(AF_INET6, &address, canonical.data(), canonical.size());
  url.host = canonical.data();
  url.kind = HostKind::Ipv6;
  return Ok{};
}

Status read_host(std::string_view text, Url& url) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return wrong("The host of the URL has a bracket that is not closed.");
    return read_bracketed(text.substr(1, text.size() - 2), url);
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return wrong("The URL names no host.");
  url.host = lower(text);
  TRY(check_name(url.host));
  if (!looks_like_address(url.host)) return Ok{};
  in_addr address{};
  if (inet_pton(AF_INET, url.host.c_str(), &address) != 1) {
    return wrong("The host of the URL is a number or an address in an unusual spelling; write it "
                 "as four decimal numbers, like 192.0.2.1.");
  }
  std::array<char, INET_ADDRSTRLEN> canonical{};
  inet_ntop(AF_INET, &address, canonical.data(), canonical.size());
  if (url.host != canonical.data()) {
    return wrong("The host of the URL is an address with leading zeros, which some programs read "
                 "as octal; write it without.");
  }
  url.kind = HostKind::Ipv4;
  return Ok{};
}

Status read_port(std::string_view text, Url& url) {
  unsigned port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size() || port == 0 || port > 65'535) {
    return wrong("The port of the URL is not a number from 1 to 65535.");
  }
  url.port = static_cast<std::uint16_t>(port);
  return Ok{};
}

Status check_characters(std::string_view text) {
  if (text.empty()) return wrong("The URL is empty.");
  if (text.size() > kUrlBytesMax) return wrong("The URL is longer than 2048 bytes.");
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f') {
      return wrong("The URL holds a space, a control character or a character beyond ASCII; "
                   "write such characters percent-encoded.");
    }
    if (std::string_view("\\\"<>^`{|}").find(c) != std::string_view::npos) {
      return wrong(std::string("The URL holds the character ") + c +
                   ", which must be percent-encoded.");
    }
  }
  return Ok{};
}

}  // namespace

std::string Url::text() const {
  const bool own_port = port == (scheme == "https" ? 443 : 80);
  const std::string shown = kind == HostKind::Ipv6 ? "[" + host + "]" : host;
  return scheme + "://" + shown + (own_port ? "" : ":" + std::to_string(port)) + target;
}

Result<Url> parse_url(std::string_view text) {
  TRY(check_characters(text));
  Url url;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return wrong("This is not a URL: it does not begin with https:// or http://.");
  }
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return wrong("The URL does not begin with https:// or http://, the two that are spoken here.");
  }
  std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  rest.remove_prefix(end);
  if (authority.find('@') != std::string_view::npos) {
    return wrong("The URL holds a user name or password; put credentials into a header instead.");
  }
  if (rest.find('#') != std::string_view::npos) {
    return wrong("The URL has a fragment (#), which is never sent; leave it out.");
  }
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  url.port = url.scheme == "https" ? 443 : 80;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t port_at =
      authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port_at != std::string_view::npos) {
    TRY(read_port(authority.substr(port_at + 1), url));
    authority = authority.substr(0, port_at);
  }
  TRY(read_host(authority, url));
  return url;
}

}  // namespace muster::connect
