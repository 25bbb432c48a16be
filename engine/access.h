// Who may do what: permissions, the passes that prove them, and the audit line every use leaves.
//
// Only Access makes a Pass and every Engine call takes one, so a check cannot be forgotten: code
// that skips it does not compile.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace muster::engine {

enum class Permission : std::uint8_t {
  Query = 0,     // "query"     ask: check, count, breakdown, plan; read segments, schema, catalogue
  Members = 1,   // "members"   see people: members, explain, profiles
  Ingest = 2,    // "ingest"    bring data: profiles, events, user info, entities
  Define = 3,    // "define"    change segments, lists, traits, the declaration; erase
  Activate = 4,  // "activate"  destinations, syncs, runs, ledgers
  Admin = 5,     // "admin"     keys, audit
};
inline constexpr int kPermissionCount = 6;
std::string_view name_of(Permission permission);
std::optional<Permission> permission_named(std::string_view name);

// A set of permissions, one bit each.
class Scopes {
 public:
  constexpr Scopes() = default;
  static constexpr Scopes all() { return Scopes((1U << kPermissionCount) - 1); }
  constexpr Scopes with(Permission p) const { return Scopes(bits_ | (1U << static_cast<int>(p))); }
  constexpr bool has(Permission p) const { return (bits_ >> static_cast<int>(p)) & 1U; }
  constexpr bool operator==(const Scopes&) const = default;

 private:
  explicit constexpr Scopes(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

// One line of the audit: who did what, when, and how it ended. Never holds an id of a person or
// a literal of an expression in clear.
struct AuditLine {
  TimeMs at = 0;
  std::string principal;   // Name of the key, "loopback", or "system:exporter" and the like.
  std::string action;      // "POST /v1/count", "run sync"
  std::string subject;     // Segment, destination or sync id; keyed hash of a person's id.
  int status = 0;          // HTTP status, or 0 for system work that went well.
  std::uint64_t took_us = 0;
};

class AuditSink {
 public:
  virtual ~AuditSink() = default;
  virtual void write(const AuditLine& line) = 0;
};

template <Permission granted>
class Pass {
 public:
  const std::string& principal() const { return principal_; }

 private:
  friend class Access;
  explicit Pass(std::string principal) : principal_(std::move(principal)) {}
  std::string principal_;
};

// One caller, known and limited. Made by the server's authentication, or by system() for the
// named work of the program itself.
class Access {
 public:
  Access(std::string principal, Scopes scopes)
      : principal_(std::move(principal)), scopes_(scopes) {}

  // For the exporter, schedules and the command line; the name stands in the audit.
  static Access system(std::string_view name) {
    return {"system:" + std::string(name), Scopes::all()};
  }

  const std::string& principal() const { return principal_; }
  const Scopes& scopes() const { return scopes_; }

  // Errors: PermissionDenied, naming the scope that is missing.
  template <Permission needed>
  Result<Pass<needed>> require() const {
    if (!scopes_.has(needed)) return denied(needed);
    return Pass<needed>(principal_);
  }

 private:
  Error denied(Permission needed) const;
  std::string principal_;
  Scopes scopes_;
};

}  // namespace muster::engine
