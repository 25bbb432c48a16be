// The keys of a dictionary that are one person's alone, as sections beside its own.
//
//   PREFIX/N         the keys 65,536 N and on; in place of each that is sealed or gone, a stand-in
//   PREFIX/sealed/N  varint how many, and of each varint its place less the one before, u8 what it
//                    is: 1 sealed, 2 of somebody whose key was destroyed; of what people are known
//                    by u64 its tag; of 1 varint person, text sealed
//
// Thread safety: any thread; what is read, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "index/dictionary.h"
#include "index/image/code_owners.h"
#include "index/image/person_seals.h"

namespace muster::index {

inline constexpr std::uint32_t kKeysPerSection = 65'536;

// Whose the keys of a dictionary are, and what people are known by them as.
class KeySeal {
 public:
  // `identifier`: which of those that people are known by the keys are; "": none. `how`: how it is
  // normalised. `stand_in`: what stands in place of a key that is gone.
  KeySeal(PersonSeals& seals, std::string identifier, std::string how, std::string stand_in)
      : seals_(seals), identifier_(std::move(identifier)), how_(std::move(how)),
        stand_in_(std::move(stand_in)) {}

  // When they are asked for first; without it, each code is that person's.
  void owned_as(std::function<std::vector<std::uint32_t>()> owners) { find_ = std::move(owners); }
  std::uint32_t owner(std::uint32_t code) const;
  // The memory that it took goes; it is found again when it is asked for.
  void release() const;

  PersonSeals& seals() const { return seals_; }
  const std::string& identifier() const { return identifier_; }
  const std::string& stand_in() const { return stand_in_; }
  // Requires an identifier.
  std::uint64_t tag(std::string_view key) const;

 private:
  PersonSeals& seals_;
  const std::string identifier_, how_, stand_in_;
  std::function<std::vector<std::uint32_t>()> find_;
  mutable std::mutex mutex_;  // Guards owners_.
  mutable std::shared_ptr<const std::vector<std::uint32_t>> owners_;
};
using KeySealPtr = std::shared_ptr<const KeySeal>;

std::string sealed_section(const std::string& prefix, std::uint64_t number);

// The section of the codes in [first, last).
// Errors: those of the seals.
Result<std::string> sealed_bytes(const std::string& prefix, const Dictionary& dictionary,
                                 const KeySeal& seal, std::uint32_t first, std::uint32_t last);

// A key that a section has in its place.
struct OpenedKey {
  std::uint32_t place = 0;
  bool is_forgotten = false;
  std::string text;  // Unless it is: the key, or a lost name.
};
// Errors: Corrupt, naming the section or the damaged key.
Result<std::vector<OpenedKey>> open_keys(const std::string& prefix, std::uint32_t number,
                                         std::string_view bytes, const KeySeal& seal,
                                         std::uint32_t count);

}  // namespace muster::index
