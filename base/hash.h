// Hashes for tables and for ids on disk: fixed forever, equal on every machine, not for secrets.
//
// Thread safety: any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace muster {

struct Hash128 {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Hash128&) const = default;
};

// MurmurHash3 x64 128. Source: Austin Appleby, "MurmurHash3" (public domain), 2010.
// Stored on disk (event ids, idempotency keys): never change it.
Hash128 hash128(std::string_view bytes, std::uint64_t seed = 0);

inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) {
  return hash128(bytes, seed).low;
}

// Spreads the bits of an integer key over all 64. Source: MurmurHash3's finaliser.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

// CRC-32C (Castagnoli), as in RFC 3720; `crc` continues an earlier one.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace muster
