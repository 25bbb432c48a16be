// How a delivery shows that it may come in, beside the signature that every delivery has.
//
//   "authorization": {"kind": "bearer", "token": "..."}
//                    {"kind": "basic", "username": "...", "password": "..."}
//                    {"kind": "hmac", "secret": "...", "header": "X-Signature",
//                     "prefix": "sha256=", "encoding": "hex"}
//                    {"kind": "oauth2", "grant": "client_credentials", "token_url": "https://...",
//                     "client_id": "...", "client_secret": "...", "scope": "..."}
//                    {"kind": "oauth2", "grant": "refresh_token", ..., "refresh_token": "..."}
//
// Secrets are written, never read back: shown as "***", stored sealed. Left out, or given as "***",
// they stay as they are, as long as they go to the same servers.
// Source: RFC 6750 (bearer), RFC 7617 (basic), RFC 6749 (OAuth 2.0), RFC 2104 (HMAC).
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "connect/document_reader.h"
#include "connect/url.h"

namespace muster::connect {

enum class AuthorizationKind : std::uint8_t { None, Bearer, Basic, Hmac, OAuth2 };
enum class Grant : std::uint8_t { ClientCredentials, RefreshToken };
enum class MacEncoding : std::uint8_t { Hex, Base64 };
// Where client id and secret stand in a request for a token (RFC 6749, 2.3.1).
enum class ClientAuthentication : std::uint8_t { Header, Body };

// Bytes of one secret: room for tokens that are signed documents.
inline constexpr std::size_t kCredentialBytesMax = 8'192;

struct Authorization {
  AuthorizationKind kind = AuthorizationKind::None;
  std::string secret;         // Token, password, HMAC key or client secret; in memory only.
  std::string name;           // User name or client id.
  std::string header, prefix;  // HMAC.
  MacEncoding encoding = MacEncoding::Hex;
  Grant grant = Grant::ClientCredentials;
  ClientAuthentication client = ClientAuthentication::Header;
  Url token_url;
  std::string scope;
  std::string refresh_token;  // In memory only.
};

// Reads what an operator wrote in the member "authorization" of `document`. `previous` gives the
// secrets that are left out; null when there are none, or they would go to another server.
// Errors: InvalidArgument with the JSON pointer.
Result<Authorization> read_authorization(const DocumentReader& document,
                                         const Authorization* previous);

// What becomes of a secret when it is written ("***", or sealed), and back when it is read.
using WriteSecret = std::function<Result<std::string>(const std::string& secret)>;
using ReadSecret = std::function<Result<std::string>(const std::string& text)>;

// Nothing for AuthorizationKind::None.  Errors: those of `written`.
Status write_authorization(const Authorization& authorization, const WriteSecret& written,
                           JsonWriter& json);
Result<Authorization> read_stored_authorization(const DocumentReader& document,
                                                const ReadSecret& opened);

// The header of a delivery, "Name: value"; "" without one. `token` is that of OAuth 2.0.
// Errors: Unavailable.
Result<std::string> authorization_header(const Authorization& authorization, std::string_view body,
                                         std::string_view token);

// The lower-case name of the header above; "" without one: operators cannot set it themselves.
std::string header_name_of(const Authorization& authorization);

}  // namespace muster::connect
