// Who of an audience is in which arm of a sync, and who is held out: by salt and profile id, so
// that a person has the same arm in every run, on every machine, and in every sync of that salt.
//
//   "split": {"salt": "spring", "arms": [{"name": "a", "share": 0.45},
//             {"name": "b", "share": 0.45}], "holdout": 0.1, "send": ["a"]}
//
// point := the upper 53 bits of hash64("split" LF salt LF profile id) / 2^53, in [0, 1). The
// holdout has the points from 0 up, the arms follow in their order. The global holdout is the same
// with "holdout" and a salt of its own, so that it is independent of every split.
// Source: hashed assignment as in Kohavi, Longbotham, "Online Controlled Experiments", 2015.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "connect/document_reader.h"

namespace muster::connect {

inline constexpr std::size_t kArmsMax = 16;
inline constexpr std::size_t kArmNameBytesMax = 64;
inline constexpr std::size_t kSaltBytesMax = 128;
// Arms that nobody names.
inline constexpr std::string_view kHoldoutArm = "holdout";
inline constexpr std::string_view kGlobalHoldoutArm = "global_holdout";
inline constexpr std::string_view kEverybodyArm = "everybody";  // Of a sync without a split.

struct Arm {
  std::string name;
  double share = 0;
  bool operator==(const Arm&) const = default;
};

struct AudienceSplit {
  std::string salt;
  std::vector<Arm> arms;
  double holdout = 0;
  std::vector<std::string> send;  // Names of arms; never empty, those that are not in it are held.
  bool operator==(const AudienceSplit&) const = default;

  bool sends(std::string_view arm) const;
};

// Of all syncs: who is sent nowhere.
struct GlobalHoldout {
  std::string salt;
  double share = 0;  // 0: nobody.
};

// The setting "split" of a sync.
// Errors: InvalidArgument with the JSON pointer; shares and holdout make 1.
Result<std::optional<AudienceSplit>> read_split(const DocumentReader& reader);
void write_split(JsonWriter& json, const AudienceSplit& split);  // With its key.

// {"salt": "2026", "share": 0.05}
Result<GlobalHoldout> parse_holdout(std::string_view json);
std::string to_json(const GlobalHoldout& holdout);

// The arm of somebody. `split` may be null: everybody is in one arm.
std::string_view arm_of(const AudienceSplit* split, const GlobalHoldout& global,
                        std::string_view profile_id);
// Every arm there may be, with its expected share of the audience, the global holdout first.
std::vector<Arm> expected_arms(const AudienceSplit* split, const GlobalHoldout& global);
// Names what decides who is in which arm; 0: nobody is held out.
std::uint64_t key_of(const AudienceSplit* split, const GlobalHoldout& global);

}  // namespace muster::connect
