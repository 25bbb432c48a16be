// API keys: made once, shown once, kept as hashes in documents of kind "key".
//
// A key is "mk_" and 43 letters of URL-safe base64: 256 random bits, so a plain SHA-256 needs no
// salt and no stretching.
// Thread safety: any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/access.h"
#include "engine/engine.h"
#include "server/rate_limit.h"

namespace muster::server {

// Every request compares with every key, so that time says nothing.
inline constexpr std::size_t kKeysMax = 1'000;
inline constexpr std::size_t kKeyNameBytesMax = 100;

struct KeyInfo {
  std::string id, name;
  engine::Scopes scopes;
  std::optional<TimeMs> expires;
  TimeMs created = 0;
  std::uint64_t rate = 0;  // Requests a second; 0: as many as it likes.
};

struct NewKey {
  std::string name;
  engine::Scopes scopes;
  std::optional<TimeMs> expires;
  std::uint64_t rate = 0;  // At most kRateMax.
};

struct MadeKey {
  KeyInfo info;
  std::string secret;  // The only time it is shown.
};

class KeyRing {
 public:
  using Pass = engine::Pass<engine::Permission::Admin>;

  // Reads the keys that the engine holds. Needed once before the first question.
  // Errors: Corrupt for a key document that cannot be read: nobody is let in by mistake.
  Status load(const engine::Engine& engine);

  // Whether any key exists, expired ones included: then every call needs one.
  bool locked() const;

  // Who this secret is, for one request.
  // Errors: Unauthenticated, with the same words whatever is wrong; Overloaded, with a time to
  // wait, when the key has made as many requests as it may.
  Result<engine::Access> authenticate(std::string_view secret, TimeMs now) const;

  // Errors: InvalidArgument for a name that is empty, too long or taken, or no scope;
  // LimitExceeded; those of the engine.
  Result<MadeKey> make(engine::Engine& engine, const Pass& pass, const NewKey& asked);
  // Errors: NotFound.
  Status remove(engine::Engine& engine, const Pass& pass, std::string_view id);
  std::vector<KeyInfo> list() const;  // By id.

 private:
  struct Kept {
    KeyInfo info;
    std::string hash;  // 32 bytes.
    std::shared_ptr<RateLimit> limit = {};  // Null: none.
  };
  Status reload(const engine::Engine& engine);
  static Result<Kept> read(const engine::Document& document);

  std::mutex changing_;  // One change at a time: names stay unique. Never held by a question.
  mutable std::mutex mutex_;                       // Guards keys_.
  std::shared_ptr<const std::vector<Kept>> keys_ = std::make_shared<std::vector<Kept>>();
  SystemRandom random_;
};

// The scopes named in a list: "query,members" or "all".
// Errors: InvalidArgument with the nearest name.
Result<engine::Scopes> parse_scopes(const std::vector<std::string>& names);
std::vector<std::string_view> scope_names(engine::Scopes scopes);

}  // namespace muster::server
