#include "connect/webhook_destination.h"

#include <future>
#include <utility>
#include <vector>

#include "connect/signature.h"

namespace muster::connect {
namespace {

Answer answer_of(HttpAnswer http) {
  return {.kind = http.kind, .status = http.status, .retry_after = std::move(http.retry_after),
          .text = http.error.empty() ? shown_line(http.body) : std::move(http.error)};
}

class WebhookDestination final : public Destination {
 public:
  WebhookDestination(DestinationDocument document, std::shared_ptr<HttpClient> http,
                     std::vector<WebhookSecret> secrets)
      : document_(std::move(document)), http_(std::move(http)), secrets_(std::move(secrets)) {}

  Answer deliver(const Delivery& delivery, std::stop_token stop) override;
  void start(Delivery delivery, std::stop_token stop, Answered answered) override;

 private:
  Result<std::vector<std::string>> headers(const Delivery& delivery) const;

  DestinationDocument document_;
  std::shared_ptr<HttpClient> http_;
  std::vector<WebhookSecret> secrets_;
};

Result<std::vector<std::string>> WebhookDestination::headers(const Delivery& delivery) const {
  const std::string timestamp = std::to_string(delivery.at / 1'000);
  TRY_ASSIGN(const std::string signature,
             sign(secrets_, {delivery.message_id, timestamp, delivery.body}));
  std::vector<std::string> lines{
      "Content-Type: application/json", "User-Agent: Muster-Webhook/1", "Accept: */*", "Expect:",
      "webhook-id: " + std::string(delivery.message_id), "webhook-timestamp: " + timestamp,
      "webhook-signature: " + signature};
  if (delivery.gzip) lines.push_back("Content-Encoding: gzip");
  if (!delivery.traceparent.empty()) lines.push_back("traceparent: " + delivery.traceparent);
  for (const auto& [name, value] : document_.headers) {
    // curl's spelling of a header without a value.
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  return lines;
}

Answer WebhookDestination::deliver(const Delivery& delivery, std::stop_token stop) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  start(delivery, std::move(stop), [promise](Answer came) { promise->set_value(std::move(came)); });
  return answer.get();
}

void WebhookDestination::start(Delivery delivery, std::stop_token stop, Answered answered) {
  auto lines = headers(delivery);
  if (!lines) {
    answered({.kind = AnswerKind::NotSent, .text = lines.error().message});
    return;
  }
  HttpRequest request{.url = document_.url, .headers = std::move(*lines),
                      .body = std::move(delivery.body), .timeout_ms = document_.timeout_ms,
                      .stop = std::move(stop)};
  http_->start(std::move(request), [answered = std::move(answered)](HttpAnswer http) {
    answered(answer_of(std::move(http)));
  });
}

}  // namespace

WebhookFactory::WebhookFactory(AddressGuard guard)
    : http_(std::make_shared<HttpClient>(std::move(guard))) {}

Status WebhookFactory::check(const DestinationDocument& document) const {
  return http_->guard().check(document.url);
}

std::unique_ptr<Destination> WebhookFactory::make(const DestinationDocument& document) const {
  std::vector<WebhookSecret> secrets;
  for (const std::string& text : {document.secret, document.secret_next}) {
    if (text.empty()) continue;
    auto secret = WebhookSecret::parse(text);
    if (!secret) return std::make_unique<RefusingDestination>("Its signing secret is damaged.");
    secrets.push_back(std::move(*secret));
  }
  return std::make_unique<WebhookDestination>(document, http_, std::move(secrets));
}

}  // namespace muster::connect
