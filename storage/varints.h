// Many numbers as varints (base/bytes.h), written a few hundred at a time.
//
// Thread safety: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace muster::storage {

// Adds what number(i) says for each i below `count`, in turn.
template <typename Number>
void write_varints(std::string& bytes, std::size_t count, Number number) {
  constexpr std::size_t kVarintBytesMax = 10;
  std::array<char, 2'048> some;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t value = number(i);
    for (; value >= 0x80; value >>= 7) some[size++] = static_cast<char>(value | 0x80);
    some[size++] = static_cast<char>(value);
    if (size + kVarintBytesMax <= some.size() && i + 1 < count) continue;
    bytes.append(some.data(), size);
    size = 0;
  }
}

}  // namespace muster::storage
