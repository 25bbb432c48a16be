// Access tokens of OAuth 2.0: fetched once for all who wait, kept until they expire or are refused.
//
// Source: RFC 6749, 4.4 (client credentials), 5.1 (answer), 6 (refreshing).
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/authorization.h"
#include "connect/http_client.h"

namespace muster::connect {

// Of an answer without "expires_in"; a refused token is replaced in any case.
inline constexpr std::chrono::seconds kTokenLifeDefault{3'600};
// A token is replaced so long before it expires, or a tenth of its life if that is less.
inline constexpr std::chrono::seconds kTokenMargin{60};
inline constexpr TimeMs kTokenTimeoutMs = 15'000;
inline constexpr std::size_t kTokenBytesMax = 8'192;

class TokenSource : public std::enable_shared_from_this<TokenSource> {
 public:
  // Unavailable, saying what the token endpoint answered; never the secrets.
  using WithToken = std::function<void(Result<std::string>)>;

  // `http` outlives what is asked of this.
  TokenSource(Authorization authorization, HttpClient& http)
      : authorization_(std::move(authorization)), http_(http) {}

  // Calls `with` once, perhaps before it returns; it must neither wait nor throw. However many
  // wait, one request is under way.
  void get(std::stop_token stop, WithToken with);
  // The destination answered 401 to this token: the next get() fetches another.
  void refuse(const std::string& token);
  // A refresh token that came in the place of ours and is not kept anywhere yet.
  std::optional<std::string> take_rotated();

 private:
  HttpRequest request(std::stop_token stop) const;  // Requires mutex_.
  void on_answer(const HttpAnswer& answer);
  Result<std::string> read(const HttpAnswer& answer);  // Requires mutex_.

  std::mutex mutex_;  // Everything below but http_.
  Authorization authorization_;
  HttpClient& http_;
  std::string token_;
  std::chrono::steady_clock::time_point good_until_{};
  std::vector<WithToken> waiting_;  // A request is under way when there are any.
  std::optional<std::string> rotated_;
};

}  // namespace muster::connect
