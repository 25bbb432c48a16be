#include "index/key_form.h"

#include <cstdint>

#include "base/check.h"

namespace muster::index {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<std::uint8_t>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr std::array<std::uint8_t, 256> kDigitValues = make_digit_values();

// Where the two digits of each byte stand in the text.
constexpr std::array<std::uint8_t, kUuidBytes> kPlaces = {0,  2,  4,  6,  9,  11, 14, 16,
                                                          19, 21, 24, 26, 28, 30, 32, 34};

std::uint8_t value_at(std::string_view text, std::size_t at) {
  return kDigitValues[static_cast<std::uint8_t>(text[at])];
}

}  // namespace

void KeyForm::read_uuid(std::string_view key) {
  if (key[13] != '-' || key[18] != '-' || key[23] != '-') return;
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < kUuidBytes; ++i) {
    const std::uint8_t high = value_at(key, kPlaces[i]), low = value_at(key, kPlaces[i] + 1U);
    seen |= high | low;
    uuid_[i] = static_cast<char>(high << 4 | (low & 0xf));
  }
  is_uuid_ = seen < kDigits.size();
}

KeyText KeyText::of_uuid(std::string_view bytes) {
  CHECK(bytes.size() == kUuidBytes);
  KeyText text;
  text.uuid_.fill('-');
  for (std::size_t i = 0; i < kUuidBytes; ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    text.uuid_[kPlaces[i]] = kDigits[byte >> 4];
    text.uuid_[kPlaces[i] + 1U] = kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace muster::index
