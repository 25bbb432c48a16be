#include "index/image/section.h"

#include <fmt/format.h>

namespace muster::index {

std::string section_name(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (const std::string_view part : parts) {
    if (!name.empty()) name += '/';
    for (const char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      const bool plain = byte > 0x20 && byte != 0x7f && c != '/' && c != '%';
      if (plain) {
        name += c;
      } else {
        name += fmt::format("%{:02X}", byte);
      }
    }
  }
  return name;
}

std::string section_number(std::uint64_t number) { return fmt::format("{:010}", number); }

std::string numbered_section(const std::string& prefix, std::uint64_t number) {
  return prefix + "/" + section_number(number);
}

Error damaged_section(std::string_view name, std::string_view what) {
  return {ErrorCode::Corrupt,
          "section '" + std::string(name) + "' is damaged: " + std::string(what)};
}

}  // namespace muster::index
