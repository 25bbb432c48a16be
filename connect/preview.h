// What the next run of a sync would do, without doing it.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::connect {

// People whose fields are looked at; beyond them numbers are "at most".
inline constexpr std::uint64_t kPreviewPeopleMax = 200'000;

// What a rule costs.
struct RuleCost {
  std::string segment;
  std::uint64_t people = 0;  // Of the audience.
  std::uint64_t only = 0;    // Whom no other rule excludes: who would come back without it.
};

struct ArmSize {
  std::string arm;
  std::uint64_t people = 0;
};

struct PreviewView {
  std::string sync;
  std::uint64_t snapshot = 0;
  bool whole = false;        // Everybody is sent, held or not.
  bool exact = true;         // False: not everybody was looked at.
  std::uint64_t audience = 0;
  std::uint64_t added = 0, changed = 0, removed = 0;  // At most, where it is not exact.
  std::uint64_t already_there = 0;
  std::uint64_t unidentifiable = 0;
  std::uint64_t pending = 0;  // In dead letters, which go first.
  std::uint64_t batches = 0;  // Of what was looked at.
  std::vector<RuleCost> excluded;
  std::vector<ArmSize> held_out;
};

std::string to_json(const PreviewView& preview);

}  // namespace muster::connect
