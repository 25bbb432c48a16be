// How what is one person's alone is sealed in a checkpoint, so that destroying one key takes it
// out of every copy of it.
//
// Whose the keys are and where they stand is for whoever implements it (storage/person_keys.h).
// Thread safety: any thread; each Session, one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "index/sets/bitmap.h"

namespace muster::index {

class PersonSeals {
 public:
  class Session {
   public:
    virtual ~Session() = default;
    // Appends the text as sealed for a person and a place: the same each time. False: the person's
    // key was destroyed, and nothing is appended.
    // Errors: Corrupt, naming the key that is damaged; those of its file.
    virtual Result<bool> seal(Ordinal person, std::string_view place, std::string_view text,
                              std::string& out) = 0;
    // The text; nothing when the key was destroyed.
    // Errors: as seal(), and Corrupt when it was not sealed so.
    virtual Result<std::optional<std::string>> open(Ordinal person, std::string_view place,
                                                    std::string_view sealed) = 0;
  };

  virtual ~PersonSeals() = default;
  // Makes keys for so many people, before anything of them is sealed.
  virtual Status prepare(std::uint64_t people) = 0;
  virtual std::unique_ptr<Session> begin() const = 0;
  // A keyed hash of what somebody is known by ("profile_id", "email"): it tells only that it is of
  // this value, and only to who has the key.
  virtual std::uint64_t tag(std::string_view identifier, std::string_view value) const = 0;
};

}  // namespace muster::index
