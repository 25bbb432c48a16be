#include "server/keys.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "base/crypto.h"
#include "server/http/cursor.h"
#include "server/http/json_request.h"

namespace muster::server {

namespace {

constexpr std::string_view kPrefix = "mk_";
constexpr std::size_t kSecretWords = 4;  // 256 bits.

Error not_known() {
  return {ErrorCode::Unauthenticated,
          "this call needs a valid key: send it as \"Authorization: Bearer mk_...\""};
}

std::string random_bytes(Random& random, std::size_t words) {
  std::string bytes;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = random.next();
    for (int shift = 0; shift < 64; shift += 8) {
      bytes.push_back(static_cast<char>((word >> shift) & 0xff));
    }
  }
  return bytes;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int byte = 0;
    for (const char c : text.substr(i, 2)) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
      byte = byte * 16 + (digit ? c - '0' : c - 'a' + 10);
    }
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string document_of(const KeyInfo& info, std::string_view hash) {
  JsonWriter json;
  json.begin_object();
  json.key("name").text(info.name);
  json.key("hash").text(to_hex(hash));
  json.key("scopes").begin_array();
  for (const std::string_view scope : scope_names(info.scopes)) json.text(scope);
  json.end_array();
  if (info.expires) json.key("expires").text(to_rfc3339(*info.expires));
  json.key("created").text(to_rfc3339(info.created));
  if (info.rate != 0) json.key("rate").number(info.rate);
  json.end_object();
  return json.take();
}

Status take_one(RateLimit& limit, TimeMs now) {
  const auto wait = limit.take(now);
  if (!wait) return Ok{};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait);
  return Error{ErrorCode::Overloaded,
               "this key may make " + std::to_string(limit.per_second()) +
                   " requests a second; wait, and send it again",
               {},
               seconds};
}

Status check_name(const NewKey& asked, const std::vector<KeyInfo>& known) {
  const bool fits = !asked.name.empty() && asked.name.size() <= kKeyNameBytesMax;
  if (!fits) {
    return Error{ErrorCode::InvalidArgument, "a key needs a name of 1 to 100 bytes"};
  }
  for (const KeyInfo& key : known) {
    if (key.name == asked.name) {
      return Error{ErrorCode::Conflict, "a key named '" + asked.name + "' exists already"};
    }
  }
  if (known.size() >= kKeysMax) {
    return Error{ErrorCode::LimitExceeded, "there are 1,000 keys; delete some first"};
  }
  if (asked.rate > kRateMax) {
    return Error{ErrorCode::InvalidArgument,
                 "a key's rate is at most 1,000,000 requests a second; without one it has none"};
  }
  if (asked.scopes == engine::Scopes()) {
    return Error{ErrorCode::InvalidArgument, "a key needs at least one scope"};
  }
  return Ok{};
}

}  // namespace

Result<engine::Scopes> parse_scopes(const std::vector<std::string>& names) {
  std::vector<std::string> known{"all"};
  for (const std::string_view name : scope_names(engine::Scopes::all())) known.emplace_back(name);
  engine::Scopes scopes;
  for (const std::string& name : names) {
    if (name == "all") {
      scopes = engine::Scopes::all();
      continue;
    }
    const std::optional<engine::Permission> permission = engine::permission_named(name);
    if (!permission) {
      return Error{ErrorCode::InvalidArgument, "no scope " + with_suggestion(name, known)};
    }
    scopes = scopes.with(*permission);
  }
  return scopes;
}

std::vector<std::string_view> scope_names(engine::Scopes scopes) {
  std::vector<std::string_view> names;
  for (int i = 0; i < engine::kPermissionCount; ++i) {
    const auto permission = static_cast<engine::Permission>(i);
    if (scopes.has(permission)) names.push_back(engine::name_of(permission));
  }
  return names;
}

Result<KeyRing::Kept> KeyRing::read(const engine::Document& document) {
  const Error corrupt{ErrorCode::Corrupt,
                      "the stored key '" + document.id + "' cannot be read"};
  auto json = JsonObject::parse(document.json);
  if (!json) return corrupt;
  TRY_ASSIGN(const std::string name, json->text("name"));
  TRY_ASSIGN(const std::string hex, json->text("hash"));
  TRY_ASSIGN(const std::vector<std::string> scope_list, json->texts("scopes"));
  TRY_ASSIGN(const std::string created, json->text_or("created", ""));
  TRY_ASSIGN(const std::string expires, json->text_or("expires", ""));
  const auto scopes = parse_scopes(scope_list);
  auto hash = from_hex(hex);
  if (!scopes || !hash || hash->size() != 32) return corrupt;
  Kept kept{{document.id, name, *scopes, std::nullopt, 0, 0}, std::move(*hash)};
  kept.info.created = parse_time(created, Zone()).value_or(document.changed);
  if (!expires.empty()) {
    kept.info.expires = parse_time(expires, Zone());
    if (!kept.info.expires) return corrupt;
  }
  TRY_ASSIGN(kept.info.rate, json->number_or("rate", 0));
  if (kept.info.rate > kRateMax) return corrupt;
  if (kept.info.rate != 0) kept.limit = std::make_shared<RateLimit>(kept.info.rate);
  return kept;
}

Status KeyRing::load(const engine::Engine& engine) {
  const std::lock_guard lock(changing_);
  return reload(engine);
}

Status KeyRing::reload(const engine::Engine& engine) {
  auto keys = std::make_shared<std::vector<Kept>>();
  for (const engine::Document& document : engine.documents("key")) {
    if (document.deleted) continue;
    TRY_ASSIGN(Kept kept, read(document));
    keys->push_back(std::move(kept));
  }
  const std::lock_guard lock(mutex_);
  for (Kept& key : *keys) {  // What they have taken stays taken: keys never change.
    for (const Kept& known : *keys_) {
      if (known.info.id == key.info.id) key.limit = known.limit;
    }
  }
  keys_ = std::move(keys);
  return Ok{};
}

bool KeyRing::locked() const {
  const std::lock_guard lock(mutex_);
  return !keys_->empty();
}

Result<engine::Access> KeyRing::authenticate(std::string_view secret, TimeMs now) const {
  std::shared_ptr<const std::vector<Kept>> keys;
  {
    const std::lock_guard lock(mutex_);
    keys = keys_;
  }
  TRY_ASSIGN(const std::string hash, sha256(secret));
  const Kept* found = nullptr;
  for (const Kept& key : *keys) {
    if (equal_in_constant_time(key.hash, hash)) found = &key;
  }
  const bool valid = found != nullptr && secret.starts_with(kPrefix) &&
                     (!found->info.expires || *found->info.expires > now);
  if (!valid) return not_known();
  if (found->limit) TRY(take_one(*found->limit, now));
  return engine::Access("key:" + found->info.name, found->info.scopes);
}

Result<MadeKey> KeyRing::make(engine::Engine& engine, const Pass& pass, const NewKey& asked) {
  const std::lock_guard lock(changing_);
  TRY(check_name(asked, list()));
  const std::string secret =
      std::string(kPrefix) + to_base64url(random_bytes(random_, kSecretWords));
  TRY_ASSIGN(const std::string hash, sha256(secret));
  KeyInfo info{to_hex(random_bytes(random_, 1)).substr(0, 12), asked.name, asked.scopes,
               asked.expires, engine.now(), asked.rate};
  engine::DocumentPut put{.kind = "key", .id = info.id, .json = document_of(info, hash)};
  TRY(engine.put_document(pass, std::move(put)));
  TRY(reload(engine));
  return MadeKey{std::move(info), secret};
}

Status KeyRing::remove(engine::Engine& engine, const Pass& pass, std::string_view id) {
  const std::lock_guard lock(changing_);
  const std::vector<KeyInfo> known = list();
  const bool there = std::any_of(known.begin(), known.end(),
                                 [&](const KeyInfo& key) { return key.id == id; });
  if (!there) return Error{ErrorCode::NotFound, "no key '" + std::string(id) + "'"};
  engine::DocumentPut put{.kind = "key", .id = std::string(id), .deleted = true};
  TRY(engine.put_document(pass, std::move(put)));
  return reload(engine);
}

std::vector<KeyInfo> KeyRing::list() const {
  std::vector<KeyInfo> infos;
  const std::lock_guard lock(mutex_);
  for (const Kept& key : *keys_) infos.push_back(key.info);
  return infos;
}

}  // namespace muster::server
