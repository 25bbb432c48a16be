// Where deliveries may not go: every address that is not public, unless the operator allowed it.
//
// Asked twice: when a destination is configured (its literal address or special name), and for
// every address a connection is about to use, so that no name, redirect or rebinding leads inside.
// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), IPv6 Global Unicast.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connect/url.h"

namespace muster::connect {

// IPv4 addresses use the first four bytes.
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
};

// Reads the usual spellings only ("10.0.0.1", "fd00::1").
std::optional<IpAddress> parse_ip(std::string_view text);
std::string to_string(const IpAddress& address);

// Why an address is not public ("a private address"), or nothing when it is.
std::string_view reason_not_public(const IpAddress& address);

class AddressGuard {
 public:
  // Entries of at most kAllowListMax: "10.0.0.0/8", "::1/128", "127.0.0.1" (one address),
  // "127.0.0.1:8080", "[::1]:8080", "name:443" (whatever the name leads to, on that port).
  // Errors: InvalidArgument quoting the entry.
  static Result<AddressGuard> with_allow_list(std::span<const std::string> entries);

  // At configuration: literal addresses and names that can only mean something inside.
  // Errors: PermissionDenied, naming the address and how an operator allows it.
  Status check(const Url& url) const;

  // At connection time: `host` and `port` as the URL has them, `address` as it was resolved.
  Status check(std::string_view host, std::uint16_t port, const IpAddress& address) const;

 private:
  struct Entry {
    std::string host;         // A name; "": by address.
    std::uint16_t port = 0;   // 0: any.
    IpAddress network;
    unsigned prefix_bits = 0;
  };
  static Result<Entry> parse_entry(std::string_view text);
  bool names_host(std::string_view host, std::uint16_t port) const;
  bool covers(const IpAddress& address, std::uint16_t port) const;

  std::vector<Entry> allowed_;
};

inline constexpr std::size_t kAllowListMax = 1'000;

}  // namespace muster::connect
