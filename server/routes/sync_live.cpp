// The newest run of a sync as it goes on, as Server-Sent Events.
#include <chrono>
#include <memory>

#include "connect/exporter.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {
namespace {

// Between two looks: a person sees no more.
constexpr std::chrono::milliseconds kLookEvery(250);

class RunWatcher {
 public:
  RunWatcher(const Call& call, const ActivatePass& pass, std::string sync)
      : exporter_(*call.services.exporter), pass_(pass), sync_(std::move(sync)) {}

  bool is_ready() const { return std::chrono::steady_clock::now() - looked_ >= kLookEvery; }

  // The run, where it is another than before; else a comment. Nothing when the sync is gone.
  std::string next() {
    looked_ = std::chrono::steady_clock::now();
    const auto runs = exporter_.runs(pass_, sync_);
    if (!runs) return "";
    if (runs->empty()) return ": no run yet\n\n";
    const auto job = exporter_.job(pass_, sync_ + ":" + std::to_string(runs->front().number));
    if (!job) return ": alive\n\n";
    std::string json = to_json(*job);
    if (json == told_) return ": alive\n\n";
    told_ = std::move(json);
    return "event: run\ndata: " + told_ + "\n\n";
  }

 private:
  const connect::Exporter& exporter_;
  const ActivatePass pass_;
  const std::string sync_;
  std::string told_;
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace

// GET /v1/syncs/x/live  ->  200 text/event-stream: the newest run, and each change of it
Result<Response> get_sync_live(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->sync(pass, call.param(0)));
  const auto watcher = std::make_shared<RunWatcher>(call, pass, call.param(0));
  Response response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.next = [watcher]() -> Result<std::string> { return watcher->next(); };
  response.is_ready = [watcher] { return watcher->is_ready(); };
  return response;
}

}  // namespace muster::server
