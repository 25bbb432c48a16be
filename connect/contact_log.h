// Where confirmed deliveries become events of the people they were about: "$Audience Synced".
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace muster::connect {

inline constexpr std::string_view kContactEvent = "$Audience Synced";

struct ContactedPerson {
  std::string profile_id;
  std::string arm;           // "" where the sync has no split.
};

// What one batch brought about.
struct Contact {
  std::string message_id;    // Makes each event known by its id: told twice, it is there once.
  TimeMs at = 0;
  std::string sync, segment, destination, operation;
  std::uint64_t run = 0;
  std::vector<ContactedPerson> people;
};

class ContactLog {
 public:
  virtual ~ContactLog() = default;

  // Durable when it returns Ok; may be told again with the same contact. People who are not there
  // any more are passed over.
  // Errors: those of the engine's ingest; InvalidArgument where events are not by profile id.
  virtual Status note(const Contact& contact) = 0;
  // Whether it can be noted as the declaration stands.  Errors: InvalidArgument.
  virtual Status check() const = 0;
};

}  // namespace muster::connect
