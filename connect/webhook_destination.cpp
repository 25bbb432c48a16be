#include "connect/webhook_destination.h"

#include <future>
#include <utility>
#include <vector>

#include "connect/file_form.h"
#include "connect/signature.h"
#include "connect/token_source.h"

namespace muster::connect {
namespace {

constexpr int kUnauthorized = 401;

Answer answer_of(HttpAnswer http) {
  const bool is_success = http.status >= 200 && http.status < 300;
  return {.kind = http.kind, .status = http.status, .retry_after = std::move(http.retry_after),
          .text = http.error.empty() ? shown_line(http.body) : std::move(http.error),
          .body = is_success ? std::move(http.body) : std::string(), .cut = http.cut};
}

// What deliveries need until their answers are there, whoever else has let go of it.
class WebhookSender : public std::enable_shared_from_this<WebhookSender> {
 public:
  WebhookSender(DestinationDocument document, HttpClient& http,
                std::vector<WebhookSecret> secrets)
      : document_(std::move(document)), http_(http), secrets_(std::move(secrets)) {
    if (document_.authorization.kind != AuthorizationKind::OAuth2) return;
    tokens_ = std::make_shared<TokenSource>(document_.authorization, http_);
  }

  // One delivery on its way: its body goes twice where a token is refused.
  struct Attempt {
    Delivery delivery;
    std::stop_token stop;
    Destination::Answered answered;
    bool again = false;  // After a refused token.
  };
  using AttemptPtr = std::shared_ptr<Attempt>;

  void begin(const AttemptPtr& attempt);
  TokenSource* tokens() { return tokens_.get(); }

 private:
  Result<std::vector<std::string>> headers(const Delivery& delivery,
                                           std::string_view token) const;
  void send(const AttemptPtr& attempt, const std::string& token);

  DestinationDocument document_;
  HttpClient& http_;  // The factory's.
  std::vector<WebhookSecret> secrets_;
  std::shared_ptr<TokenSource> tokens_;  // For OAuth 2.0; else null.
};

class WebhookDestination final : public Destination {
 public:
  explicit WebhookDestination(std::shared_ptr<WebhookSender> sender)
      : sender_(std::move(sender)) {}

  Answer deliver(const Delivery& delivery, std::stop_token stop) override;
  void start(Delivery delivery, std::stop_token stop, Answered answered) override;
  std::optional<std::string> take_rotated_token() override {
    return sender_->tokens() == nullptr ? std::nullopt : sender_->tokens()->take_rotated();
  }

 private:
  std::shared_ptr<WebhookSender> sender_;
};

Result<std::vector<std::string>> WebhookSender::headers(
    const Delivery& delivery, std::string_view token) const {
  const std::string timestamp = std::to_string(delivery.at / 1'000);
  const PlannedRequest& request = delivery.request;
  const bool is_plain = request.method.empty();
  const std::string type = is_plain ? "application/json" : request.content_type;
  std::vector<std::string> lines{
      "Content-Type:" + (type.empty() ? "" : " " + type), "User-Agent: Muster-Webhook/1",
      "Accept: */*", "Expect:", "webhook-id: " + std::string(delivery.message_id),
      "webhook-timestamp: " + timestamp};
  if (!secrets_.empty()) {
    TRY_ASSIGN(const std::string signature,
               sign(secrets_, {delivery.message_id, timestamp, delivery.body}));
    lines.push_back("webhook-signature: " + signature);
  }
  for (const auto& [name, value] : request.headers) {
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  if (delivery.gzip) lines.push_back("Content-Encoding: gzip");
  if (!delivery.traceparent.empty()) lines.push_back("traceparent: " + delivery.traceparent);
  for (const auto& [name, value] : document_.headers) {
    // curl's spelling of a header without a value.
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  TRY_ASSIGN(std::string authorization,
             authorization_header(document_.authorization, delivery.body, token));
  if (!authorization.empty()) lines.push_back(std::move(authorization));
  return lines;
}

Answer WebhookDestination::deliver(const Delivery& delivery, std::stop_token stop) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  start(delivery, std::move(stop), [promise](Answer came) { promise->set_value(std::move(came)); });
  return answer.get();
}

void WebhookDestination::start(Delivery delivery, std::stop_token stop, Answered answered) {
  sender_->begin(std::make_shared<WebhookSender::Attempt>(
      WebhookSender::Attempt{std::move(delivery), std::move(stop), std::move(answered)}));
}

void WebhookSender::begin(const AttemptPtr& attempt) {
  if (!tokens_) {
    send(attempt, "");
    return;
  }
  tokens_->get(attempt->stop, [self = shared_from_this(), attempt](Result<std::string> token) {
    if (token) {
      self->send(attempt, *token);
    } else {
      attempt->answered({.kind = AnswerKind::NotSent, .text = token.error().message});
    }
  });
}

void WebhookSender::send(const AttemptPtr& attempt, const std::string& token) {
  auto lines = headers(attempt->delivery, token);
  if (!lines) {
    attempt->answered({.kind = AnswerKind::NotSent, .text = lines.error().message});
    return;
  }
  const bool may_repeat = tokens_ != nullptr && !attempt->again;
  HttpRequest request{.url = document_.url, .headers = std::move(*lines),
                      .timeout_ms = document_.timeout_ms, .stop = attempt->stop};
  const PlannedRequest& planned = attempt->delivery.request;
  if (!planned.method.empty()) {
    // The server stays the document's, whatever a template says; and a name of a file is no target.
    if (planned.method == kFileMethod || !planned.target.starts_with('/')) {
      attempt->answered({.kind = AnswerKind::NotSent,
                         .text = "This delivery was made for a directory and not for a server."});
      return;
    }
    request.method = planned.method;
    request.url.target = planned.target;
  }
  request.body = may_repeat ? attempt->delivery.body : std::move(attempt->delivery.body);
  http_.start(std::move(request), [self = shared_from_this(), attempt, token,
                                    may_repeat](HttpAnswer http) {
    // A clear no, so nothing came in: the same bytes go once more with another token.
    if (may_repeat && http.kind == AnswerKind::Status && http.status == kUnauthorized) {
      attempt->again = true;
      self->tokens_->refuse(token);
      self->begin(attempt);
      return;
    }
    attempt->answered(answer_of(std::move(http)));
  });
}

}  // namespace

WebhookFactory::WebhookFactory(AddressGuard guard)
    : http_(std::make_unique<HttpClient>(std::move(guard))) {}

Status WebhookFactory::check(const DestinationDocument& document) const {
  TRY(http_->guard().check(document.url));
  if (document.authorization.kind != AuthorizationKind::OAuth2) return Ok{};
  const Status allowed = http_->guard().check(document.authorization.token_url);
  if (allowed) return allowed;
  return Error{allowed.error().code, "/authorization/token_url: " + allowed.error().message};
}

std::unique_ptr<Destination> WebhookFactory::make(const DestinationDocument& document) const {
  std::vector<WebhookSecret> secrets;
  for (const std::string& text : {document.secret, document.secret_next}) {
    if (text.empty()) continue;
    auto secret = WebhookSecret::parse(text);
    if (!secret) return std::make_unique<RefusingDestination>("Its signing secret is damaged.");
    secrets.push_back(std::move(*secret));
  }
  return std::make_unique<WebhookDestination>(
      std::make_shared<WebhookSender>(document, *http_, std::move(secrets)));
}

}  // namespace muster::connect
