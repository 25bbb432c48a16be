#include "connect/token_source.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/crypto.h"

namespace muster::connect {
namespace {

using std::chrono::steady_clock;

// application/x-www-form-urlencoded; strict, which every reader accepts.
std::string form_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

// "invalid_client": the code alone, which holds nothing of ours (RFC 6749, 5.2).
std::string error_code_of(const boost::json::object* answer) {
  const boost::json::value* code = answer == nullptr ? nullptr : answer->if_contains("error");
  if (code == nullptr || !code->is_string() || code->get_string().size() > 64) return "";
  return ": " + shown_line(std::string_view(code->get_string()));
}

std::string text_at(const boost::json::object& answer, std::string_view key) {
  const boost::json::value* text = answer.if_contains(key);
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
}

// Some send the number as a text.
std::chrono::seconds life_of(const boost::json::object& answer) {
  constexpr std::int64_t kLifeMax = 366LL * 86'400;
  const boost::json::value* value = answer.if_contains("expires_in");
  std::int64_t seconds = kTokenLifeDefault.count();
  if (value != nullptr && value->is_int64()) seconds = value->get_int64();
  if (value != nullptr && value->is_string()) {
    seconds = std::strtoll(value->get_string().c_str(), nullptr, 10);
  }
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLifeMax));
}

bool is_token(const std::string& token) {
  return !token.empty() && token.size() <= kTokenBytesMax &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

HttpRequest TokenSource::request(std::stop_token stop) const {
  const Authorization& ours = authorization_;
  HttpRequest request{.url = ours.token_url,
                      .headers = {"Content-Type: application/x-www-form-urlencoded",
                                  "Accept: application/json", "User-Agent: Muster-Webhook/1",
                                  "Expect:"},
                      .timeout_ms = kTokenTimeoutMs, .stop = std::move(stop)};
  request.body = ours.grant == Grant::RefreshToken
                     ? "grant_type=refresh_token&refresh_token=" + form_encoded(ours.refresh_token)
                     : "grant_type=client_credentials";
  if (!ours.scope.empty()) request.body += "&scope=" + form_encoded(ours.scope);
  if (ours.client == ClientAuthentication::Body) {
    request.body += "&client_id=" + form_encoded(ours.name) +
                    "&client_secret=" + form_encoded(ours.secret);
  } else {
    request.headers.push_back(
        "Authorization: Basic " +
        to_base64(form_encoded(ours.name) + ":" + form_encoded(ours.secret)));
  }
  return request;
}

void TokenSource::get(std::stop_token stop, WithToken with) {
  std::optional<HttpRequest> asking;
  std::string token;
  {
    const std::scoped_lock lock(mutex_);
    if (!token_.empty() && steady_clock::now() < good_until_) {
      token = token_;
    } else {
      if (waiting_.empty()) asking = request(std::move(stop));
      waiting_.push_back(std::move(with));
    }
  }
  if (!token.empty()) {
    with(std::move(token));
  } else if (asking) {
    http_.start(std::move(*asking), [self = shared_from_this()](const HttpAnswer& answer) {
      self->on_answer(answer);
    });
  }
}

void TokenSource::on_answer(const HttpAnswer& answer) {
  std::vector<WithToken> waiting;
  Result<std::string> token = std::string();
  {
    const std::scoped_lock lock(mutex_);
    token = read(answer);
    waiting.swap(waiting_);
  }
  for (const WithToken& with : waiting) with(token);
}

Result<std::string> TokenSource::read(const HttpAnswer& answer) {
  const auto refused = [](const std::string& why) {
    return Error{ErrorCode::Unavailable, "The token endpoint " + why + "."};
  };
  if (answer.kind != AnswerKind::Status) return refused("did not answer: " + answer.error);
  boost::json::error_code failed;
  const boost::json::value json = boost::json::parse(answer.body, failed);
  const boost::json::object* const object = failed ? nullptr : json.if_object();
  if (answer.status != 200) {
    return refused("answered HTTP " + std::to_string(answer.status) + error_code_of(object));
  }
  std::string token = object == nullptr ? "" : text_at(*object, "access_token");
  if (!is_token(token)) return refused("answered without a usable access_token");
  const std::string refresh = text_at(*object, "refresh_token");
  if (authorization_.grant == Grant::RefreshToken && is_token(refresh) &&
      refresh != authorization_.refresh_token) {
    authorization_.refresh_token = refresh;
    rotated_ = refresh;
  }
  const std::chrono::seconds life = life_of(*object);
  good_until_ = steady_clock::now() + life - std::min(kTokenMargin, life / 10);
  token_ = token;
  return token;
}

void TokenSource::refuse(const std::string& token) {
  const std::scoped_lock lock(mutex_);
  if (token_ == token) token_.clear();
}

std::optional<std::string> TokenSource::take_rotated() {
  const std::scoped_lock lock(mutex_);
  std::optional<std::string> rotated;
  rotated.swap(rotated_);
  return rotated;
}

}  // namespace muster::connect
