#include "connect/address_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace muster::connect {
namespace {

struct Range {
  std::string_view network;
  unsigned prefix_bits;
  std::string_view what;
};

constexpr std::array kNotPublicV4{
    Range{"0.0.0.0", 8, "an unspecified address"},
    Range{"10.0.0.0", 8, "a private address"},
    Range{"100.64.0.0", 10, "a shared address of a carrier (CGNAT)"},
    Range{"127.0.0.0", 8, "a loopback address"},
    Range{"169.254.0.0", 16, "a link-local address"},
    Range{"172.16.0.0", 12, "a private address"},
    Range{"192.0.0.0", 24, "a protocol address of the IETF"},
    Range{"192.0.2.0", 24, "an address for documentation"},
    Range{"192.88.99.0", 24, "an address of a 6to4 relay"},
    Range{"192.168.0.0", 16, "a private address"},
    Range{"198.18.0.0", 15, "an address for benchmarks"},
    Range{"198.51.100.0", 24, "an address for documentation"},
    Range{"203.0.113.0", 24, "an address for documentation"},
    Range{"224.0.0.0", 4, "a multicast address"},
    Range{"240.0.0.0", 4, "a reserved or broadcast address"},
};

// First match counts. What stands outside 2000::/3 is not public in any case.
constexpr std::array kNotPublicV6{
    Range{"::", 128, "an unspecified address"},
    Range{"::1", 128, "a loopback address"},
    Range{"::ffff:0:0", 96, "an IPv4 address in IPv6 clothes"},
    Range{"::", 96, "an IPv4 address in IPv6 clothes"},
    Range{"64:ff9b::", 96, "an IPv4 address behind NAT64"},
    Range{"64:ff9b:1::", 48, "an IPv4 address behind NAT64"},
    Range{"100::", 64, "an address that discards"},
    Range{"2001::", 23, "a protocol address of the IETF (Teredo and others)"},
    Range{"2001:db8::", 32, "an address for documentation"},
    Range{"2002::", 16, "an IPv4 address behind 6to4"},
    Range{"3fff::", 20, "an address for documentation"},
    Range{"fc00::", 7, "a unique-local address"},
    Range{"fe80::", 10, "a link-local address"},
    Range{"fec0::", 10, "a site-local address"},
    Range{"ff00::", 8, "a multicast address"},
};

// Names that only mean something on this machine or inside a network, or nowhere.
// Source: RFC 6761, RFC 6762, RFC 8375, ICANN resolution 2024.07.29.06 (".internal").
constexpr std::array<std::string_view, 8> kInsideNames{
    "localhost", "internal", "local", "localdomain", "home.arpa", "intranet", "invalid", "onion"};

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  if (a.v6 != b.v6) return false;
  for (unsigned i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if ((a.bytes[i / 8] & mask) != (b.bytes[i / 8] & mask)) return false;
  }
  return true;
}

Error bad_entry(std::string_view text) {
  return {ErrorCode::InvalidArgument,
          "The allow-list entry '" + std::string(text) +
              "' is no address, no network like 10.0.0.0/8 and no host:port."};
}

bool is_inside_name(std::string_view host) {
  return std::any_of(kInsideNames.begin(), kInsideNames.end(), [host](std::string_view name) {
    return host == name ||
           (host.size() > name.size() && host.ends_with(name) &&
            host[host.size() - name.size() - 1] == '.');
  });
}

std::optional<unsigned> number_up_to(std::string_view text, unsigned largest) {
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value > largest) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string_view reason_not_public(const IpAddress& address) {
  const std::span<const Range> ranges =
      address.v6 ? std::span<const Range>(kNotPublicV6) : std::span<const Range>(kNotPublicV4);
  for (const Range& range : ranges) {
    const auto network = parse_ip(range.network);
    CHECK(network.has_value());
    if (same_prefix(address, *network, range.prefix_bits)) return range.what;
  }
  if (address.v6 && (address.bytes[0] & 0xE0U) != 0x20U) return "a reserved address";
  return {};
}

Result<AddressGuard::Entry> AddressGuard::parse_entry(std::string_view text) {
  Entry entry;
  const std::size_t slash = text.find('/');
  const auto whole = parse_ip(text.substr(0, slash));
  if (whole) {
    entry.network = *whole;
    entry.prefix_bits = whole->v6 ? 128 : 32;
    if (slash == std::string_view::npos) return entry;
    const auto bits = number_up_to(text.substr(slash + 1), entry.prefix_bits);
    if (!bits) return bad_entry(text);
    entry.prefix_bits = *bits;
    return entry;
  }
  const auto url = parse_url("http://" + std::string(text));
  const std::size_t colon = text.rfind(':');
  if (!url || colon == std::string_view::npos || url->target != "/" || text.ends_with('/') ||
      !number_up_to(text.substr(colon + 1), 65'535)) {
    return bad_entry(text);
  }
  entry.port = url->port;
  if (url->kind == HostKind::Name) {
    entry.host = url->host;
    return entry;
  }
  const auto address = parse_ip(url->host);
  CHECK(address.has_value());  // The URL reader has just read it.
  entry.network = *address;
  entry.prefix_bits = address->v6 ? 128 : 32;
  return entry;
}

Result<AddressGuard> AddressGuard::with_allow_list(std::span<const std::string> entries) {
  if (entries.size() > kAllowListMax) {
    return Error{ErrorCode::TooLarge, "The allow-list of destinations has over 1000 entries."};
  }
  AddressGuard guard;
  for (const std::string& text : entries) {
    TRY_ASSIGN(Entry entry, parse_entry(text));
    guard.allowed_.push_back(std::move(entry));
  }
  return guard;
}

bool AddressGuard::names_host(std::string_view host, std::uint16_t port) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const Entry& entry) {
    return !entry.host.empty() && entry.host == host && entry.port == port;
  });
}

bool AddressGuard::covers(const IpAddress& address, std::uint16_t port) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const Entry& entry) {
    return entry.host.empty() && (entry.port == 0 || entry.port == port) &&
           same_prefix(address, entry.network, entry.prefix_bits);
  });
}

Status AddressGuard::check(const Url& url) const {
  if (url.kind != HostKind::Name) {
    const auto address = parse_ip(url.host);
    CHECK(address.has_value());  // parse_url made the text.
    return check(url.host, url.port, *address);
  }
  if (!is_inside_name(url.host) || names_host(url.host, url.port)) return Ok{};
  const bool is_this_machine = url.host == "localhost" || url.host.ends_with(".localhost");
  if (is_this_machine && (covers(*parse_ip("127.0.0.1"), url.port) ||
                          covers(*parse_ip("::1"), url.port))) {
    return Ok{};
  }
  return Error{ErrorCode::PermissionDenied,
               "Deliveries to '" + url.host +
                   "' are refused: the name leads inside or nowhere. An operator can add " +
                   url.host + ":" + std::to_string(url.port) +
                   " to the allow-list of destinations."};
}

Status AddressGuard::check(std::string_view host, std::uint16_t port,
                           const IpAddress& address) const {
  const std::string_view reason = reason_not_public(address);
  if (reason.empty() || covers(address, port) || names_host(host, port)) return Ok{};
  return Error{ErrorCode::PermissionDenied,
               "Deliveries to " + to_string(address) + " are refused: it is " +
                   std::string(reason) +
                   ". An operator can add it to the allow-list of destinations."};
}

}  // namespace muster::connect
