#include "connect/http_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

namespace muster::connect {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How often stop tokens are looked at, and the longest sleep while anything is under way.
constexpr std::chrono::milliseconds kLookEvery{100};
constexpr int kSleepMsMax = 60'000;  // Ended by a wake-up.
// Handles that are kept for later requests.
constexpr std::size_t kSpareHandlesMax = 256;
// A batch goes out in a few writes.
constexpr long kUploadBufferBytes = 256L << 10;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// One request, and what its callbacks share.
struct Exchange {
  Exchange(const AddressGuard& its_guard, HttpRequest its_request, HttpClient::Done its_done)
      : guard(its_guard), request(std::move(its_request)), done(std::move(its_done)) {}

  const AddressGuard& guard;
  HttpRequest request;
  HttpClient::Done done;
  Easy easy;
  HeaderList headers;
  std::string refusal;         // Why the guard refused the last address, if it did.
  HttpAnswer answer;
  std::string length;          // Content-Length as it came.
  std::size_t header_bytes = 0;
  unsigned sendings = 0;       // Times that libcurl was about to send the request.
  bool cut = false;            // We stopped reading at our own limit.
  std::optional<SteadyClock::time_point> stop_seen;
  char error[CURL_ERROR_SIZE] = "";
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
  const Url& url = exchange.request.url;
  const Status allowed = exchange.guard.check(url.host, url.port, address_of(*found));
  if (!allowed) {
    exchange.refusal = allowed.error().message;
    return CURL_SOCKET_BAD;
  }
  return socket(found->family, found->socktype | SOCK_CLOEXEC, found->protocol);
}

// Just before the request is sent, on a new connection or a kept one.
int before_sending(void* context, char* peer, char*, int, int) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  // The kept connection died under the request: whoever asked decides whether it is repeated.
  if (++exchange.sendings > 1) return CURL_PREREQFUNC_ABORT;
  const auto address = parse_ip(peer);
  const Url& url = exchange.request.url;
  const Status allowed =
      address ? exchange.guard.check(url.host, url.port, *address)
              : Status(Error{ErrorCode::PermissionDenied, "The address reached is not known."});
  if (allowed) return CURL_PREREQFUNC_OK;
  exchange.refusal = allowed.error().message;
  return CURL_PREREQFUNC_ABORT;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  std::string& body = exchange.answer.body;
  const std::size_t room = kAnswerBytesMax - body.size();
  body.append(data, std::min(room, size));
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
  if (line.starts_with("HTTP/")) {  // Perhaps an interim answer came before.
    exchange.answer.retry_after.clear();
    exchange.length.clear();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1, kAnswerShownBytesMax);
  while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
  if (equal_ignoring_case(name, "retry-after")) exchange.answer.retry_after = value;
  if (!equal_ignoring_case(name, "content-length")) return size;
  // Two lengths: no answer that can be relied on (RFC 9112, 6.3).
  if (!exchange.length.empty() && exchange.length != value) return 0;
  exchange.length = value;
  return size;
}

HeaderList list_of(const std::vector<std::string>& lines) {
  HeaderList list;
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return nullptr;
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

// Where the request goes, and all the ways in which it must not go elsewhere.
void set_address(CURL* easy, Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.text().c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // None, whatever the environment says.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::min(kConnectTimeoutMs, request.timeout_ms)));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

void set_request(CURL* easy, Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers.get());
  if (request.method == "GET") return;
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  if (request.method != "POST") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
}

// What the end of a transfer means; the callbacks have filled in the rest.
void conclude(Exchange& exchange, CURLcode code) {
  HttpAnswer& answer = exchange.answer;
  CURL* const easy = exchange.easy.get();
  long status = 0;
  long sent_bytes = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
  answer.status = static_cast<int>(status);
  // What we ourselves cut at a limit has told its status before.
  if (code == CURLE_OK || (exchange.cut && status >= 200)) {
    answer.kind = AnswerKind::Status;
    answer.cut = exchange.cut;
    return;
  }
  const bool sent = sent_bytes > 0 || exchange.sendings > 1;
  answer.kind = sent ? AnswerKind::Ambiguous : AnswerKind::NotSent;
  const std::string_view detail =
      exchange.sendings > 1      ? "The connection was closed before an answer came"
      : *exchange.error == '\0' ? curl_easy_strerror(code)
                                : exchange.error;
  // Of several addresses one may have been refused and another reached.
  answer.error = sent || exchange.refusal.empty() ? shown_line(detail) : exchange.refusal;
}

void start_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(const AddressGuard& guard) : guard_(guard) {
    start_curl_once();
    multi_.reset(curl_multi_init());
    CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~Impl() {
    thread_.request_stop();
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  void start(HttpRequest request, Done done) {
    auto exchange = std::make_unique<Exchange>(guard_, std::move(request), std::move(done));
    {
      const std::scoped_lock lock(mutex_);
      waiting_.push_back(std::move(exchange));
    }
    curl_multi_wakeup(multi_.get());
  }

 private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      begin_waiting();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      finish_done();
      end_stopped();
      const int sleep_ms = under_way_.empty() ? kSleepMsMax : static_cast<int>(kLookEvery.count());
      curl_multi_poll(multi_.get(), nullptr, 0, sleep_ms, nullptr);
    }
    begin_waiting();
    while (!under_way_.empty()) give_up(under_way_.begin()->first);
  }

  void begin_waiting() {
    std::vector<std::unique_ptr<Exchange>> waiting;
    {
      const std::scoped_lock lock(mutex_);
      waiting.swap(waiting_);
    }
    for (auto& exchange : waiting) begin(std::move(exchange));
  }

  void begin(std::unique_ptr<Exchange> exchange) {
    exchange->headers = list_of(exchange->request.headers);
    if (spare_.empty()) {
      exchange->easy.reset(curl_easy_init());
    } else {
      exchange->easy = std::move(spare_.back());
      spare_.pop_back();
    }
    CURL* const easy = exchange->easy.get();
    const bool ready = easy != nullptr && (exchange->headers || exchange->request.headers.empty());
    if (ready) {
      set_address(easy, *exchange);
      set_request(easy, *exchange);
    }
    if (!ready || curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
      exchange->answer.error = "There is no memory left for a delivery.";
      exchange->done(std::move(exchange->answer));
      return;
    }
    under_way_.emplace(easy, std::move(exchange));
  }

  void finish_done() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;  // Gone with the handle.
      const std::unique_ptr<Exchange> exchange = take(easy);
      conclude(*exchange, code);
      keep(std::move(exchange->easy));
      exchange->done(std::move(exchange->answer));
    }
  }

  std::unique_ptr<Exchange> take(CURL* easy) {
    const auto found = under_way_.find(easy);
    CHECK(found != under_way_.end());
    std::unique_ptr<Exchange> exchange = std::move(found->second);
    under_way_.erase(found);
    curl_multi_remove_handle(multi_.get(), easy);
    return exchange;
  }

  void keep(Easy easy) {
    if (spare_.size() >= kSpareHandlesMax) return;
    curl_easy_reset(easy.get());
    spare_.push_back(std::move(easy));
  }

  void give_up(CURL* easy) {
    const std::unique_ptr<Exchange> exchange = take(easy);
    exchange->done({.kind = AnswerKind::Stopped, .error = "It was interrupted."});
  }

  // Those whose caller wants them stopped, and whose grace is over.
  void end_stopped() {
    const auto now = SteadyClock::now();
    if (now - looked_at_ < kLookEvery) return;
    looked_at_ = now;
    std::vector<CURL*> over;
    for (const auto& [easy, exchange] : under_way_) {
      if (!exchange->request.stop.stop_requested()) continue;
      if (!exchange->stop_seen) exchange->stop_seen = now;
      if (now - *exchange->stop_seen >= kStopGrace) over.push_back(easy);
    }
    for (CURL* const easy : over) give_up(easy);
  }

  const AddressGuard& guard_;
  std::mutex mutex_;  // waiting_
  std::vector<std::unique_ptr<Exchange>> waiting_;
  // Of the client's thread alone; the handle itself is woken by any.
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::unordered_map<CURL*, std::unique_ptr<Exchange>> under_way_;
  std::vector<Easy> spare_;
  SteadyClock::time_point looked_at_{};
  std::jthread thread_;  // Last, so that it ends first.
};

HttpClient::HttpClient(AddressGuard guard)
    : guard_(std::move(guard)), impl_(std::make_unique<Impl>(guard_)) {}

HttpClient::~HttpClient() = default;

void HttpClient::start(HttpRequest request, Done done) {
  impl_->start(std::move(request), std::move(done));
}

HttpAnswer HttpClient::ask(HttpRequest request) {
  const auto promise = std::make_shared<std::promise<HttpAnswer>>();
  std::future<HttpAnswer> answer = promise->get_future();
  start(std::move(request), [promise](HttpAnswer came) { promise->set_value(std::move(came)); });
  return answer.get();  // Ends: every request has its timeout.
}

std::string shown_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kAnswerShownBytesMax)) {
    out.push_back(c >= ' ' && c < '\x7f' ? c : ' ');
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace muster::connect
