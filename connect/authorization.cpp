#include "connect/authorization.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/crypto.h"
#include "base/text.h"

namespace muster::connect {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kNameBytesMax = 512;
constexpr std::size_t kStoredBytesMax = 64U << 10;  // A sealed secret is longer than it is.

// A secret of this member; `previous` is what it was before, "" for nothing.
using SecretOf = std::function<Result<std::string>(const DocumentReader& reader,
                                                   std::string_view key,
                                                   const std::string& previous)>;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

Result<std::string> plain_text(const DocumentReader& reader, std::string_view key,
                               std::string_view otherwise) {
  TRY_ASSIGN(const auto text, reader.text(key, kNameBytesMax));
  if (text && !is_printable(*text)) return reader.wrong(key, "printable ASCII belongs here.");
  return text.value_or(std::string(otherwise));
}

Result<std::string> required_plain(const DocumentReader& reader, std::string_view key) {
  TRY_ASSIGN(std::string text, plain_text(reader, key, ""));
  if (text.empty()) return reader.wrong(key, "this setting is missing.");
  return text;
}

Status read_hmac(const DocumentReader& reader, Authorization& authorization) {
  TRY_ASSIGN(authorization.header, required_plain(reader, "header"));
  const bool is_name = std::all_of(authorization.header.begin(), authorization.header.end(),
                                   [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
  });
  const std::string name = header_name_of(authorization);
  constexpr std::array<std::string_view, 9> kNever{
      "host", "connection", "content-length", "content-type", "content-encoding", "expect",
      "transfer-encoding", "te", "user-agent"};
  if (!is_name || name.starts_with("webhook-") ||
      std::find(kNever.begin(), kNever.end(), name) != kNever.end()) {
    return reader.wrong("header", "the name of a header that the delivery does not set itself "
                                  "belongs here, as X-Signature.");
  }
  TRY_ASSIGN(authorization.prefix, plain_text(reader, "prefix", ""));
  TRY_ASSIGN(const std::string encoding, plain_text(reader, "encoding", "hex"));
  if (encoding != "hex" && encoding != "base64") {
    return reader.wrong("encoding", "'hex' or 'base64' belongs here.");
  }
  if (encoding == "base64") authorization.encoding = MacEncoding::Base64;
  return Ok{};
}

Status read_oauth2(const DocumentReader& reader, const SecretOf& secret,
                   const Authorization& previous, Authorization& authorization) {
  TRY_ASSIGN(const std::string grant, plain_text(reader, "grant", "client_credentials"));
  if (grant != "client_credentials" && grant != "refresh_token") {
    return reader.wrong("grant", "'client_credentials' or 'refresh_token' belongs here.");
  }
  TRY_ASSIGN(const std::string text, reader.required_text("token_url", kUrlBytesMax));
  auto url = parse_url(text);
  if (!url) return reader.wrong("token_url", url.error().message);
  authorization.token_url = std::move(*url);
  TRY_ASSIGN(authorization.name, required_plain(reader, "client_id"));
  TRY_ASSIGN(authorization.scope, plain_text(reader, "scope", ""));
  TRY_ASSIGN(const std::string client, plain_text(reader, "client_authentication", "header"));
  if (client != "header" && client != "body") {
    return reader.wrong("client_authentication", "'header' or 'body' belongs here.");
  }
  if (client == "body") authorization.client = ClientAuthentication::Body;
  if (grant == "client_credentials") return Ok{};
  authorization.grant = Grant::RefreshToken;
  TRY_ASSIGN(authorization.refresh_token, secret(reader, "refresh_token", previous.refresh_token));
  return Ok{};
}

Result<Authorization> read(const DocumentReader& document, const SecretOf& secret,
                           const Authorization& before) {
  constexpr std::array<std::string_view, 2> kBearer{"kind", "token"};
  constexpr std::array<std::string_view, 3> kBasic{"kind", "username", "password"};
  constexpr std::array<std::string_view, 5> kHmac{"kind", "secret", "header", "prefix",
                                                  "encoding"};
  constexpr std::array<std::string_view, 8> kOAuth2{
      "kind",  "grant",         "token_url", "client_id", "client_secret",
      "scope", "refresh_token", "client_authentication"};
  Authorization authorization;
  TRY_ASSIGN(const auto reader, document.object("authorization"));
  if (!reader) return authorization;
  TRY_ASSIGN(const std::string kind, reader->required_text("kind", kNameBytesMax));
  // A secret of another kind is another secret.
  const auto kept = [&](AuthorizationKind wanted) {
    return before.kind == wanted ? before : Authorization{};
  };
  const auto take = [&](AuthorizationKind as, std::span<const std::string_view> known,
                        std::string_view key) -> Status {
    TRY(reader->only(known));
    authorization.kind = as;
    TRY_ASSIGN(authorization.secret, secret(*reader, key, kept(as).secret));
    return Ok{};
  };
  if (kind == "bearer") {
    TRY(take(AuthorizationKind::Bearer, kBearer, "token"));
  } else if (kind == "basic") {
    TRY(take(AuthorizationKind::Basic, kBasic, "password"));
    TRY_ASSIGN(authorization.name, required_plain(*reader, "username"));
    if (authorization.name.find(':') != std::string::npos) {
      return reader->wrong("username", "a user name has no colon.");
    }
  } else if (kind == "hmac") {
    TRY(take(AuthorizationKind::Hmac, kHmac, "secret"));
    TRY(read_hmac(*reader, authorization));
  } else if (kind == "oauth2") {
    TRY(take(AuthorizationKind::OAuth2, kOAuth2, "client_secret"));
    TRY(read_oauth2(*reader, secret, kept(AuthorizationKind::OAuth2), authorization));
  } else if (kind != "none") {
    return reader->wrong("kind", "'none', 'bearer', 'basic', 'hmac' or 'oauth2' belongs here.");
  }
  return authorization;
}

bool same_server(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

Status write_oauth2(const Authorization& authorization, const WriteSecret& written,
                    JsonWriter& json) {
  const bool refreshes = authorization.grant == Grant::RefreshToken;
  json.key("grant").text(refreshes ? "refresh_token" : "client_credentials");
  json.key("token_url").text(authorization.token_url.text());
  json.key("client_id").text(authorization.name);
  if (!authorization.scope.empty()) json.key("scope").text(authorization.scope);
  if (authorization.client == ClientAuthentication::Body) {
    json.key("client_authentication").text("body");
  }
  if (!refreshes) return Ok{};
  TRY_ASSIGN(const std::string token, written(authorization.refresh_token));
  json.key("refresh_token").text(token);
  return Ok{};
}

}  // namespace

Result<Authorization> read_authorization(const DocumentReader& document,
                                         const Authorization* previous) {
  const Authorization none;
  const Authorization* before = previous == nullptr ? &none : previous;
  // A token endpoint elsewhere must not be handed the secrets of this one.
  if (before->kind == AuthorizationKind::OAuth2) {
    TRY_ASSIGN(const auto reader, document.object("authorization"));
    const auto text = reader ? reader->text("token_url", kUrlBytesMax)
                             : Result<std::optional<std::string>>(std::nullopt);
    const auto url = text && *text ? parse_url(**text) : parse_url("");
    if (!url || !same_server(*url, before->token_url)) before = &none;
  }
  const SecretOf secret = [](const DocumentReader& reader, std::string_view key,
                             const std::string& kept) -> Result<std::string> {
    TRY_ASSIGN(const auto text, reader.text(key, kCredentialBytesMax));
    if (!text || *text == kMask) {
      if (kept.empty()) return reader.wrong(key, "a secret is missing: it is not known, give it.");
      return kept;
    }
    if (text->empty() || !is_printable(*text)) {
      return reader.wrong(key, "a secret is one line of printable ASCII.");
    }
    return *text;
  };
  return read(document, secret, *before);
}

Result<Authorization> read_stored_authorization(const DocumentReader& document,
                                                const ReadSecret& opened) {
  const SecretOf secret = [&](const DocumentReader& reader, std::string_view key,
                              const std::string&) -> Result<std::string> {
    TRY_ASSIGN(const std::string sealed, reader.required_text(key, kStoredBytesMax));
    return opened(sealed);
  };
  return read(document, secret, {});
}

Status write_authorization(const Authorization& authorization, const WriteSecret& written,
                           JsonWriter& json) {
  if (authorization.kind == AuthorizationKind::None) return Ok{};
  TRY_ASSIGN(const std::string secret, written(authorization.secret));
  json.key("authorization").begin_object().key("kind");
  switch (authorization.kind) {
    case AuthorizationKind::None: break;
    case AuthorizationKind::Bearer: json.text("bearer").key("token").text(secret); break;
    case AuthorizationKind::Basic:
      json.text("basic").key("username").text(authorization.name).key("password").text(secret);
      break;
    case AuthorizationKind::Hmac:
      json.text("hmac").key("header").text(authorization.header);
      json.key("prefix").text(authorization.prefix).key("encoding");
      json.text(authorization.encoding == MacEncoding::Hex ? "hex" : "base64");
      json.key("secret").text(secret);
      break;
    case AuthorizationKind::OAuth2:
      json.text("oauth2").key("client_secret").text(secret);
      TRY(write_oauth2(authorization, written, json));
      break;
  }
  json.end_object();
  return Ok{};
}

Result<std::string> authorization_header(const Authorization& authorization, std::string_view body,
                                         std::string_view token) {
  switch (authorization.kind) {
    case AuthorizationKind::None: return std::string();
    case AuthorizationKind::Bearer: return "Authorization: Bearer " + authorization.secret;
    case AuthorizationKind::Basic:
      return "Authorization: Basic " +
             to_base64(authorization.name + ":" + authorization.secret);
    case AuthorizationKind::Hmac: {
      TRY_ASSIGN(const std::string mac, hmac_sha256(authorization.secret, {body}));
      return authorization.header + ": " + authorization.prefix +
             (authorization.encoding == MacEncoding::Hex ? to_hex(mac) : to_base64(mac));
    }
    case AuthorizationKind::OAuth2: return "Authorization: Bearer " + std::string(token);
  }
  CHECK(!"every AuthorizationKind has a header");
  return std::string();
}

std::string header_name_of(const Authorization& authorization) {
  if (authorization.kind == AuthorizationKind::None) return "";
  if (authorization.kind != AuthorizationKind::Hmac) return "authorization";
  std::string name = authorization.header;
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

}  // namespace muster::connect
