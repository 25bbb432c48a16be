#include "server/http/cursor.h"

#include "base/crypto.h"

namespace muster::server {

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  while (plain.size() % 4 != 0) plain.push_back('=');
  return from_base64(plain);
}

}  // namespace muster::server
