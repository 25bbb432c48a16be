#include "connect/mapping/phone.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace muster::connect {
namespace {

// How national numbers are dialled inside one calling code.
struct Plan {
  std::string_view code;
  std::string_view trunk;  // Dialled before a national number and no part of it; "": none.
  unsigned digits_min, digits_max;  // Of the national number.
};

// Numbers with a trunk prefix are read with it only: without it they may lack an area code.
constexpr std::array kPlans{
    Plan{"1", "1", 10, 10},  Plan{"20", "0", 8, 10},  Plan{"27", "0", 9, 9},
    Plan{"30", "", 10, 10},  Plan{"31", "0", 9, 9},   Plan{"32", "0", 8, 9},
    Plan{"33", "0", 9, 9},   Plan{"34", "", 9, 9},    Plan{"36", "06", 8, 9},
    Plan{"39", "", 6, 11},   Plan{"40", "0", 9, 9},   Plan{"41", "0", 9, 9},
    Plan{"43", "0", 4, 13},  Plan{"44", "0", 9, 10},  Plan{"45", "", 8, 8},
    Plan{"46", "0", 7, 9},   Plan{"47", "", 8, 8},    Plan{"48", "", 9, 9},
    Plan{"49", "0", 5, 13},  Plan{"52", "", 10, 10},  Plan{"55", "0", 10, 11},
    Plan{"60", "0", 8, 10},  Plan{"61", "0", 9, 9},   Plan{"62", "0", 8, 12},
    Plan{"63", "0", 8, 10},  Plan{"64", "0", 8, 10},  Plan{"65", "", 8, 8},
    Plan{"66", "0", 8, 9},   Plan{"7", "8", 10, 10},  Plan{"81", "0", 9, 10},
    Plan{"82", "0", 8, 10},  Plan{"84", "0", 9, 10},  Plan{"86", "0", 9, 11},
    Plan{"90", "0", 10, 10}, Plan{"91", "0", 10, 10}, Plan{"351", "", 9, 9},
    Plan{"352", "", 4, 11},  Plan{"353", "0", 7, 9},  Plan{"358", "0", 5, 12},
    Plan{"372", "", 7, 8},   Plan{"371", "", 8, 8},   Plan{"380", "0", 9, 9},
    Plan{"420", "", 9, 9},   Plan{"421", "0", 9, 9},  Plan{"852", "", 8, 8},
    Plan{"886", "0", 8, 9},  Plan{"966", "0", 8, 9},  Plan{"971", "0", 8, 9},
    Plan{"972", "0", 8, 9}};

// Calling codes of one and two digits; all others have three.
constexpr std::array<std::string_view, 46> kShortCodes{
    "1",  "7",  "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44",
    "45", "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61",
    "62", "63", "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95",
    "98"};
// Beginnings that no three-digit code has.
constexpr std::array<std::string_view, 14> kUnassigned{"210", "214", "215", "217", "219", "259",
                                                       "28",  "292", "293", "294", "295", "296",
                                                       "83",  "89"};

const Plan* plan_of(std::string_view code) {
  const auto found = std::find_if(kPlans.begin(), kPlans.end(),
                                  [&](const Plan& plan) { return plan.code == code; });
  return found == kPlans.end() ? nullptr : &*found;
}

std::string_view code_of(std::string_view digits) {
  for (const std::string_view code : kShortCodes) {
    if (digits.starts_with(code)) return code;
  }
  for (const std::string_view begin : kUnassigned) {
    if (digits.starts_with(begin)) return {};
  }
  return digits.substr(0, 3);
}

bool is_separator(char32_t c) {
  switch (c) {
    case U' ': case U'-': case U'.': case U'/': case U'(': case U')': case U'\t': case 0xA0:
    case 0x2009: case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x202F:
    case 0x2212: return true;
    default: return false;
  }
}

// Marks people paste along with a number: directions of text and a word joiner.
bool is_invisible(char32_t c) {
  return c == 0x200B || c == 0x200E || c == 0x200F || c == 0x2060 || c == 0xFEFF ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

// Digits, with a '+' before them if there is one; nothing when anything else stands there.
std::optional<std::string> digits_of(std::string_view text) {
  std::string digits;
  for (std::size_t at = 0; at < text.size(); at += utf8_size_at(text, at)) {
    const char32_t c = code_point_at(text, at);
    if (c >= U'0' && c <= U'9') {
      digits += static_cast<char>(c);
    } else if (c == U'+' && digits.empty()) {
      digits += '+';
    } else if (!is_separator(c) && !is_invisible(c)) {
      return std::nullopt;
    }
    if (digits.size() > 2 * kPhoneDigitsMax) return std::nullopt;
  }
  return digits;
}

std::optional<std::string> national(std::string digits, std::string_view calling_code) {
  const Plan* const plan = plan_of(calling_code);
  if (plan == nullptr) return std::nullopt;
  const bool has_trunk = !plan->trunk.empty() && digits.starts_with(plan->trunk);
  // North American numbers are written with and without their 1.
  const bool optional = plan->code == "1";
  if (!plan->trunk.empty() && !has_trunk && !optional) return std::nullopt;
  if (has_trunk) digits.erase(0, plan->trunk.size());
  return std::string(calling_code) + digits;
}

bool fits_plan(std::string_view code, std::string_view rest) {
  const Plan* const plan = plan_of(code);
  if (plan == nullptr) return true;
  if (rest.size() < plan->digits_min || rest.size() > plan->digits_max) return false;
  if (plan->trunk.starts_with('0') && rest.starts_with('0')) return false;
  // NANP: neither the area code nor the exchange begins with 0 or 1.
  return code != "1" || (rest[0] >= '2' && rest[3] >= '2');
}

}  // namespace

bool has_numbering_plan(std::string_view calling_code) { return plan_of(calling_code) != nullptr; }

std::optional<std::string> to_e164(std::string_view text, std::string_view calling_code) {
  auto digits = digits_of(text);
  if (!digits || digits->empty()) return std::nullopt;
  const std::string_view prefix = calling_code == "1" ? "011" : "00";
  if (digits->starts_with('+')) {
    digits->erase(0, 1);
  } else if (digits->starts_with(prefix)) {
    digits->erase(0, prefix.size());
  } else {
    digits = national(std::move(*digits), calling_code);
    if (!digits) return std::nullopt;
  }
  if (digits->size() < kPhoneDigitsMin || digits->size() > kPhoneDigitsMax) return std::nullopt;
  const std::string_view code = code_of(*digits);
  if (code.empty() || code.starts_with('0')) return std::nullopt;
  if (!fits_plan(code, std::string_view(*digits).substr(code.size()))) return std::nullopt;
  return "+" + *digits;
}

}  // namespace muster::connect
