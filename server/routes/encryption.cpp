// GET /v1/encryption, POST /v1/encryption/rotate: data keys, and what stands under them.
#include "server/routes/handlers.h"
#include "server/routes/reply.h"
#include "server/routes/rotation_reply.h"

namespace muster::server {

namespace {

constexpr int kAccepted = 202;

const char* word_of(engine::RotationPhase phase) {
  switch (phase) {
    case engine::RotationPhase::Running: return "running";
    case engine::RotationPhase::Failed: return "failed";
    default: return "idle";
  }
}

}  // namespace

std::string rotation_json(const engine::RotationState& state) {
  JsonWriter json;
  json.begin_object();
  json.key("encrypted").boolean(!state.keys.empty());
  json.key("rotation").text(word_of(state.phase));
  if (!state.step.empty()) json.key("step").text(state.step);
  if (!state.failure.empty()) json.key("failure").text(state.failure);
  json.key("newest_key").number(state.newest);
  json.key("keys").begin_array();
  for (const auto& [number, use] : state.keys) {
    json.begin_object().key("key").number(number);
    json.key("files").number(use.files).key("bytes").number(use.bytes).end_object();
  }
  json.end_array();
  json.key("unreachable").begin_array();
  for (const std::string& file : state.unreachable) json.text(file);
  json.end_array();
  json.end_object();
  return json.take();
}

// GET /v1/encryption  ->  200 {"encrypted", "rotation", "step", "failure", "newest_key", "keys":
// [{"key", "files", "bytes"}], "unreachable"}
Result<Response> get_encryption(const Call& call, const AdminPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::RotationState state, call.engine().key_rotation(pass));
  return json_reply(rotation_json(state));
}

// POST /v1/encryption/rotate  ->  202 the same: the rotation goes on by itself
Result<Response> post_rotate(const Call& call, const AdminPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::RotationState state, call.engine().rotate_keys(pass));
  Response response = json_reply(rotation_json(state));
  response.status = kAccepted;
  return response;
}

}  // namespace muster::server
