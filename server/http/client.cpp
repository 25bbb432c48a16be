#include "server/http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "server/http/json_request.h"

namespace muster::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kConnectTime{10};
// A question may wait for its 30 s, a batch for its fsync.
constexpr std::chrono::seconds kSilenceTime{120};
constexpr std::size_t kAnswerBytesMax = 256U << 20;
constexpr std::size_t kPieceBytes = 64U << 10;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool brackets_needed(std::string_view host) { return host.find(':') != host.npos; }

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

class HttpClient::Impl {
 public:
  Impl(Url server, std::string key) : server_(std::move(server)), key_(std::move(key)) {
    const std::string& host = server_.at.host;
    shown_ = (brackets_needed(host) ? "[" + host + "]" : host) + ":" +
             std::to_string(server_.at.port);
  }

  Result<ClientResponse> exchange(const ClientRequest& request,
                                  const std::function<Status(std::string_view)>* visit) {
    const bool reused = stream_ != nullptr;
    auto response = attempt(request, visit);
    // An idle connection may be closed by the server at any time: once more on a new one. A
    // stream has perhaps begun, so only an answer without a first byte is asked again.
    if (!response && reused && !answer_began_) {
      stream_.reset();
      response = attempt(request, visit);
    }
    if (!response) stream_.reset();
    return response;
  }

 private:
  using Parser = http::response_parser<http::buffer_body>;

  Error failed(std::string_view doing, const error_code& error) const {
    const std::string why = error == beast::error::timeout ? "it took too long" : error.message();
    return {ErrorCode::Unavailable, "cannot " + std::string(doing) + " the server at http://" +
                                        shown_ + ": " + why};
  }

  // Runs one asynchronous operation to its end, so that its timeout works.
  template <typename Start>
  error_code await(std::chrono::seconds patience, const Start& start) {
    error_code result;
    stream_->expires_after(patience);
    start([&result](error_code error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    return result;
  }

  Status connect() {
    if (stream_ != nullptr) return Ok{};
    error_code error;
    tcp::resolver resolver(io_);
    const auto endpoints =
        resolver.resolve(server_.at.host, std::to_string(server_.at.port), error);
    if (error) return failed("find", error);
    stream_ = std::make_unique<beast::tcp_stream>(io_);
    error = await(kConnectTime, [&](auto done) { stream_->async_connect(endpoints, done); });
    if (error) {
      stream_.reset();
      return failed("reach", error);
    }
    stream_->socket().set_option(tcp::no_delay(true), error);
    buffer_.clear();
    return Ok{};
  }

  Result<ClientResponse> attempt(const ClientRequest& request,
                                 const std::function<Status(std::string_view)>* visit) {
    answer_began_ = false;
    TRY(connect());
    http::request<http::span_body<const char>> message(http::verb::unknown, "", 11);
    message.method_string(std::string(name_of(request.method)));
    message.target(server_.base_path + request.path);
    message.set(http::field::host, shown_);
    message.set(http::field::user_agent, "muster");
    if (!key_.empty()) message.set(http::field::authorization, "Bearer " + key_);
    for (const Header& header : request.headers) message.set(header.name, header.value);
    message.body() = {request.body.data(), request.body.size()};
    message.prepare_payload();
    if (request.body.empty() && request.method != Method::Get) message.content_length(0);
    http::request_serializer<http::span_body<const char>> serializer(message);
    error_code error = await(
        kSilenceTime, [&](auto done) { http::async_write(*stream_, serializer, done); });
    // A server that refuses early has perhaps answered already: read on.
    const bool refused = error == asio::error::broken_pipe ||
                         error == asio::error::connection_reset;
    if (error && !refused) return failed("write to", error);
    return read(request.patience, visit);
  }

  Result<ClientResponse> read(std::chrono::seconds patience,
                              const std::function<Status(std::string_view)>* visit) {
    Parser parser;
    parser.header_limit(64U << 10);
    parser.body_limit(boost::none);
    error_code error = await(patience, [&](auto done) {
      http::async_read_header(*stream_, buffer_, parser, done);
    });
    if (error) return failed("read from", error);
    answer_began_ = true;
    ClientResponse response;
    response.head_came = std::chrono::steady_clock::now();
    response.status = static_cast<int>(parser.get().result_int());
    for (const auto& field : parser.get()) {
      response.headers.push_back({lower({field.name_string().data(), field.name_string().size()}),
                                  {field.value().data(), field.value().size()}});
    }
    const bool good = response.status >= 200 && response.status < 300;
    std::string piece(kPieceBytes, '\0');
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      error = await(kSilenceTime, [&](auto done) {
        http::async_read(*stream_, buffer_, parser, done);
      });
      if (error == http::error::need_buffer) error = {};
      if (error) return failed("read from", error);
      const std::string_view come(piece.data(), piece.size() - parser.get().body().size);
      if (visit != nullptr && good) {
        TRY((*visit)(come));
        continue;
      }
      if (response.body.size() + come.size() > kAnswerBytesMax) {
        return Error{ErrorCode::TooLarge, "the answer of the server is over 256 MiB"};
      }
      response.body += come;
    }
    if (!parser.get().keep_alive()) stream_.reset();
    return response;
  }

  const Url server_;
  const std::string key_;
  std::string shown_;  // HOST:PORT
  asio::io_context io_;
  std::unique_ptr<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  bool answer_began_ = false;
};

HttpClient::HttpClient(Url server, std::string key)
    : impl_(std::make_unique<Impl>(std::move(server), std::move(key))) {}
HttpClient::~HttpClient() = default;

Result<ClientResponse> HttpClient::send(const ClientRequest& request) {
  return impl_->exchange(request, nullptr);
}

Result<ClientResponse> HttpClient::stream(
    const ClientRequest& request, const std::function<Status(std::string_view piece)>& visit) {
  return impl_->exchange(request, &visit);
}

Error error_of(const ClientResponse& response) {
  Error error{ErrorCode::InvalidArgument, {}, {}, {}};
  switch (response.status) {
    case 401: error.code = ErrorCode::Unauthenticated; break;
    case 403: error.code = ErrorCode::PermissionDenied; break;
    case 404: error.code = ErrorCode::NotFound; break;
    case 409: error.code = ErrorCode::Conflict; break;
    case 413: error.code = ErrorCode::TooLarge; break;
    case 422: error.code = ErrorCode::Unsupported; break;
    case 429: error.code = ErrorCode::Overloaded; break;
    case 503: error.code = ErrorCode::Unavailable; break;
    case 507: error.code = ErrorCode::StorageFull; break;
    default:
      if (response.status >= 500) error.code = ErrorCode::Corrupt;
  }
  const auto document = JsonObject::parse(response.body);
  if (document) {
    const auto detail = document->text_or("detail", "");
    if (detail) error.message = *detail;
  }
  if (error.message.empty()) {
    error.message = "the server answered " + std::to_string(response.status);
  }
  const std::string_view wait = response.header("retry-after");
  if (!wait.empty() && wait.find_first_not_of("0123456789") == wait.npos && wait.size() < 6) {
    error.retry_after = std::chrono::seconds(std::stoi(std::string(wait)));
  }
  return error;
}

}  // namespace muster::server
