// A whole server for tests: an engine over a log in memory, the real routes, a real socket.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "connect/exporter.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "server/application.h"
#include "server/audit_log.h"
#include "server/http/client.h"
#include "server/http/json_request.h"
#include "server/keys.h"
#include "server/metrics.h"
#include "server/routes/routes.h"
#include "storage/memory_log.h"

namespace muster::server {

inline constexpr TimeMs kServedNow = 1'750'000'000'000;  // 2025-06-15T15:06:40Z

class Served {
 public:
  explicit Served(const std::string& audit_folder = "", bool loopback = true) {
    audit_ = std::move(AuditLog::open(audit_folder).value());
    engine_ = std::move(engine::Engine::open({&log_, &clock_, &decoder_, 1}).value());
    connect::ExporterOptions options{.clock = &clock_, .random = &random_,
                                     .secret_key = std::string(32, 'k'), .audit = audit_.get()};
    exporter_ = std::move(connect::Exporter::open(*engine_, std::move(options)).value());
    services_.engine = engine_.get();
    services_.exporter = exporter_.get();
    services_.keys = &keys_;
    services_.audit = audit_.get();
    services_.metrics = &metrics_;
    services_.loopback = loopback;
    services_.ready = true;
    application_ = std::make_unique<Application>(all_routes(), services_, clock_);
    server_ = std::move(HttpServer::start({}, *application_).value());
  }

  Services& services() { return services_; }
  ManualClock& clock() { return clock_; }
  AuditLog& audit() { return *audit_; }
  std::uint16_t port() const { return server_->port(); }

  ClientResponse send(const ClientRequest& request, const std::string& key = "") {
    HttpClient client(Url{{"127.0.0.1", port()}, ""}, key);
    auto response = client.send(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : ClientResponse{};
  }
  ClientResponse get(const std::string& path, const std::string& key = "") {
    return send({.path = path}, key);
  }
  ClientResponse post(const std::string& path, std::string_view body,
                      const std::string& key = "") {
    return send({.method = Method::Post, .path = path, .body = body}, key);
  }
  ClientResponse put(const std::string& path, std::string_view body) {
    return send({.method = Method::Put, .path = path, .body = body});
  }

  // The secret of a new key, made by the key `by`.
  std::string make_key(const std::string& json, const std::string& by = "") {
    const ClientResponse made = post("/v1/keys", json, by);
    EXPECT_EQ(201, made.status) << made.body;
    const auto document = JsonObject::parse(made.body);
    return document ? document->text("key").value() : "";
  }

  // Three people, four events.
  void load_people() {
    EXPECT_EQ(200, put("/v1/schema", R"({"profiles": {"id": "profile_id"},
        "events": {"profile": "profile_id", "name": "type", "time": "ts", "id": "event_id"},
        "identifiers": {"email": {"normalise": "email"}}})").status);
    const ClientResponse profiles = post("/v1/profiles",
        "{\"profile_id\":\"ana\",\"country\":\"FR\",\"tags\":[\"vip\",\"new\"],"
        "\"email\":\"ana@example.com\"}\n"
        "{\"profile_id\":\"bo\",\"country\":\"DE\",\"age\":29,\"email\":\"bo@example.com\"}\n"
        "{\"profile_id\":\"cy\",\"note\":\"a \\\"b\\\", c\"}\n");
    EXPECT_EQ(200, profiles.status) << profiles.body;
    const ClientResponse events = post("/v1/events",
        "{\"event_id\":\"1\",\"profile_id\":\"ana\",\"type\":\"purchase\","
        "\"ts\":\"2025-06-01T10:00:00Z\",\"amount\":19.90}\n"
        "{\"event_id\":\"2\",\"profile_id\":\"bo\",\"type\":\"visit\","
        "\"ts\":\"2025-06-02T10:00:00Z\"}\n");
    EXPECT_EQ(200, events.status) << events.body;
  }

 private:
  ManualClock clock_{kServedNow};
  SystemRandom random_;
  loader::FileDecoder decoder_;
  storage::MemoryLog log_;
  KeyRing keys_;
  Metrics metrics_;
  Services services_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<connect::Exporter> exporter_;
  std::unique_ptr<Application> application_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace muster::server
