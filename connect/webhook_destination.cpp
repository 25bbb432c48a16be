#include "connect/webhook_destination.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "connect/signature.h"

namespace muster::connect {
namespace {

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// What the callbacks of one attempt share.
struct Exchange {
  const AddressGuard& guard;
  const Url& url;
  std::stop_token stop;
  std::string refusal = {};      // Why the guard refused the last address, if it did.
  std::string body = {};
  std::string retry_after = {};
  std::size_t header_bytes = 0;
  bool cut = false;              // We stopped reading at our own limit.
  std::optional<std::chrono::steady_clock::time_point> stop_seen = {};
};

IpAddress address_of(const curl_sockaddr& found) {
  IpAddress address;
  if (found.family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &found.addr, sizeof v6);
    address.v6 = true;
    std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &found.addr, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
  }
  return address;
}

// The connected address is judged here: curl calls this for each address it is about to use.
curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* found) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  if (found->family != AF_INET && found->family != AF_INET6) return CURL_SOCKET_BAD;
  const Status allowed =
      exchange.guard.check(exchange.url.host, exchange.url.port, address_of(*found));
  if (!allowed) {
    exchange.refusal = allowed.error().message;
    return CURL_SOCKET_BAD;
  }
  return socket(found->family, found->socktype | SOCK_CLOEXEC, found->protocol);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  const std::size_t room = kAnswerBytesMax - exchange.body.size();
  exchange.body.append(data, std::min(room, size));
  if (size <= room) return size;
  exchange.cut = true;
  return 0;  // Anything but `size` ends the transfer.
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && curl_strnequal(a.data(), b.data(), a.size()) != 0;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  exchange.header_bytes += size;
  if (exchange.header_bytes > kAnswerHeaderBytesMax) {
    exchange.cut = true;
    return 0;
  }
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) exchange.retry_after.clear();  // An interim answer came before.
  if (colon == std::string_view::npos) return size;
  if (!equal_ignoring_case(line.substr(0, colon), "retry-after")) return size;
  std::string_view value = line.substr(colon + 1);
  while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
  exchange.retry_after = value.substr(0, kAnswerShownBytesMax);
  return size;
}

// An answer that is nearly here is waited for: it saves the receiver a repeated delivery.
int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  if (!exchange.stop.stop_requested()) return 0;
  const auto now = std::chrono::steady_clock::now();
  if (!exchange.stop_seen) exchange.stop_seen = now;
  return now - *exchange.stop_seen >= kStopGrace ? 1 : 0;
}

// One line that is safe in a log, a terminal and JSON.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kAnswerShownBytesMax)) {
    out.push_back(c >= ' ' && c < '\x7f' ? c : ' ');
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

class WebhookDestination final : public Destination {
 public:
  WebhookDestination(DestinationDocument document, std::shared_ptr<const AddressGuard> guard,
                     std::vector<WebhookSecret> secrets)
      : document_(std::move(document)), guard_(std::move(guard)), secrets_(std::move(secrets)) {}

  Answer deliver(const Delivery& delivery, std::stop_token stop) override;

 private:
  Result<HeaderList> headers(const Delivery& delivery) const;
  void set_address(CURL* easy, Exchange& exchange) const;
  void set_request(CURL* easy, const Delivery& delivery, const curl_slist* headers) const;
  Answer answer_of(CURL* easy, CURLcode code, const char* error, const Exchange& exchange) const;

  DestinationDocument document_;
  std::shared_ptr<const AddressGuard> guard_;
  std::vector<WebhookSecret> secrets_;
};

Result<HeaderList> WebhookDestination::headers(const Delivery& delivery) const {
  const std::string timestamp = std::to_string(delivery.at / 1'000);
  const PlannedRequest plain;
  const PlannedRequest& request = delivery.batch ? delivery.batch->request : plain;
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
  HeaderList list;
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return Error{ErrorCode::Unavailable, "There is no memory left."};
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

// Where the request goes, and all the ways in which it must not go elsewhere.
void WebhookDestination::set_address(CURL* easy, Exchange& exchange) const {
  curl_easy_setopt(easy, CURLOPT_URL, document_.url.text().c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // None, whatever the environment says.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // A connection that served once may hold an answer nobody asked for.
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::min(kConnectTimeoutMs, document_.timeout_ms)));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(document_.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
}

void WebhookDestination::set_request(CURL* easy, const Delivery& delivery,
                                     const curl_slist* headers) const {
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  if (delivery.batch && !delivery.batch->request.method.empty()) {
    const PlannedRequest& request = delivery.batch->request;
    Url url = document_.url;  // The server stays the document's, whatever a template says.
    url.target = request.target;
    curl_easy_setopt(easy, CURLOPT_URL, url.text().c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(delivery.body.size()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

Answer WebhookDestination::answer_of(CURL* easy, CURLcode code, const char* error,
                                     const Exchange& exchange) const {
  long status = 0;
  long sent_bytes = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
  Answer answer{.status = static_cast<int>(status), .retry_after = exchange.retry_after};
  // What we ourselves cut at a limit has told its status before.
  if (code == CURLE_OK || (exchange.cut && status >= 200)) {
    answer.kind = AnswerKind::Status;
    answer.text = shown(exchange.body);
    if (status >= 200 && status < 300) answer.body = exchange.body;
    return answer;
  }
  answer.kind = sent_bytes > 0 ? AnswerKind::Ambiguous : AnswerKind::NotSent;
  if (code == CURLE_ABORTED_BY_CALLBACK) answer.kind = AnswerKind::Stopped;
  const std::string_view detail = *error == '\0' ? curl_easy_strerror(code) : error;
  answer.text = exchange.refusal.empty() ? shown(detail) : exchange.refusal;
  return answer;
}

Answer WebhookDestination::deliver(const Delivery& delivery, std::stop_token stop) {
  const Easy easy(curl_easy_init());
  auto list = headers(delivery);
  if (!easy || !list) {
    return {.kind = AnswerKind::NotSent, .text = "There is no memory left for a delivery."};
  }
  Exchange exchange{.guard = *guard_, .url = document_.url, .stop = std::move(stop)};
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error);
  set_address(easy.get(), exchange);
  set_request(easy.get(), delivery, list->get());
  const CURLcode code = curl_easy_perform(easy.get());
  return answer_of(easy.get(), code, error, exchange);
}

void start_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

WebhookFactory::WebhookFactory(AddressGuard guard)
    : guard_(std::make_shared<const AddressGuard>(std::move(guard))) {
  start_curl_once();
}

Status WebhookFactory::check(const DestinationDocument& document) const {
  return guard_->check(document.url);
}

std::unique_ptr<Destination> WebhookFactory::make(const DestinationDocument& document) const {
  std::vector<WebhookSecret> secrets;
  for (const std::string& text : {document.secret, document.secret_next}) {
    if (text.empty()) continue;
    auto secret = WebhookSecret::parse(text);
    if (!secret) return std::make_unique<RefusingDestination>("Its signing secret is damaged.");
    secrets.push_back(std::move(*secret));
  }
  return std::make_unique<WebhookDestination>(document, guard_, std::move(secrets));
}

}  // namespace muster::connect
