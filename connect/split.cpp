#include "connect/split.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/hash.h"

namespace muster::connect {
namespace {

constexpr std::array<std::string_view, 4> kSettings{"salt", "arms", "holdout", "send"};
constexpr std::array<std::string_view, 2> kArmSettings{"name", "share"};
constexpr std::array<std::string_view, 2> kGlobalSettings{"salt", "share"};
// Shares are written in decimals, whose sum in binary is off by less than this.
constexpr double kSumTolerance = 1e-9;

double point_of(std::string_view kind, std::string_view salt, std::string_view profile_id) {
  std::string text(kind);
  text.append("\n").append(salt).append("\n").append(profile_id);
  return static_cast<double>(hash64(text) >> 11U) * 0x1.0p-53;
}

Result<std::string> read_salt(const DocumentReader& reader) {
  TRY_ASSIGN(std::string salt, reader.required_text("salt", kSaltBytesMax));
  if (salt.empty() || salt.find('\n') != std::string::npos) {
    return reader.wrong("salt", "1 to 128 bytes of text in one line belong here.");
  }
  return salt;
}

Result<Arm> read_arm(const DocumentReader& reader, const std::vector<Arm>& before) {
  TRY(reader.only(kArmSettings));
  Arm arm;
  TRY_ASSIGN(arm.name, reader.required_text("name", kArmNameBytesMax));
  const bool is_taken =
      arm.name.empty() || arm.name == kHoldoutArm || arm.name == kGlobalHoldoutArm ||
      arm.name == kEverybodyArm ||
      std::any_of(before.begin(), before.end(), [&](const Arm& a) { return a.name == arm.name; });
  if (is_taken) return reader.wrong("name", "a name that no other arm has belongs here.");
  TRY_ASSIGN(const auto share, reader.share("share"));
  if (!share || *share <= 0) return reader.wrong("share", "a number above 0, to 1, belongs here.");
  arm.share = *share;
  return arm;
}

Status read_sent(const DocumentReader& reader, AudienceSplit& split) {
  for (const Arm& arm : split.arms) split.send.push_back(arm.name);
  if (!reader.has("send")) return Ok{};
  const auto names = reader.texts("send");
  const auto is_arm = [&](const std::string& name) {
    return std::find(split.send.begin(), split.send.end(), name) != split.send.end();
  };
  if (!names || names->empty() || !std::all_of(names->begin(), names->end(), is_arm)) {
    return reader.wrong("send", "a list of names of the arms belongs here.");
  }
  split.send = *names;
  return Ok{};
}

}  // namespace

bool AudienceSplit::sends(std::string_view arm) const {
  return std::find(send.begin(), send.end(), arm) != send.end();
}

Result<std::optional<AudienceSplit>> read_split(const DocumentReader& reader) {
  TRY_ASSIGN(const auto inner, reader.object("split"));
  if (!inner) return std::optional<AudienceSplit>();
  TRY(inner->only(kSettings));
  AudienceSplit split;
  TRY_ASSIGN(split.salt, read_salt(*inner));
  TRY_ASSIGN(const auto arms, inner->objects("arms", kArmsMax));
  if (!arms || arms->empty()) return inner->wrong("arms", "1 to 16 arms belong here.");
  TRY_ASSIGN(const auto holdout, inner->share("holdout"));
  split.holdout = holdout.value_or(0);
  double sum = split.holdout;
  for (const DocumentReader& one : *arms) {
    TRY_ASSIGN(Arm arm, read_arm(one, split.arms));
    sum += arm.share;
    split.arms.push_back(std::move(arm));
  }
  if (std::abs(sum - 1.0) > kSumTolerance) {
    return inner->wrong("arms", "the shares of the arms and the holdout make " +
                                    fmt::format("{:.6g}", sum) + " together, and must make 1.");
  }
  TRY(read_sent(*inner, split));
  return std::optional(std::move(split));
}

void write_split(JsonWriter& json, const AudienceSplit& split) {
  json.key("split").begin_object();
  json.key("salt").text(split.salt);
  json.key("arms").begin_array();
  for (const Arm& arm : split.arms) {
    json.begin_object().key("name").text(arm.name).key("share").number(arm.share).end_object();
  }
  json.end_array();
  json.key("holdout").number(split.holdout);
  json.key("send").begin_array();
  for (const std::string& arm : split.send) json.text(arm);
  json.end_array().end_object();
}

Result<GlobalHoldout> parse_holdout(std::string_view text) {
  TRY_ASSIGN(const DocumentReader reader, DocumentReader::of(text));
  TRY(reader.only(kGlobalSettings));
  GlobalHoldout holdout;
  TRY_ASSIGN(holdout.salt, read_salt(reader));
  TRY_ASSIGN(const auto share, reader.share("share"));
  if (!share) return reader.wrong("share", "this setting is missing.");
  holdout.share = *share;
  return holdout;
}

std::string to_json(const GlobalHoldout& holdout) {
  JsonWriter json;
  json.begin_object().key("salt").text(holdout.salt).key("share").number(holdout.share);
  json.end_object();
  return json.take();
}

std::string_view arm_of(const AudienceSplit* split, const GlobalHoldout& global,
                        std::string_view profile_id) {
  const bool is_global =
      global.share > 0 && point_of("holdout", global.salt, profile_id) < global.share;
  if (is_global) return kGlobalHoldoutArm;
  if (split == nullptr) return kEverybodyArm;
  const double point = point_of("split", split->salt, profile_id);
  double end = split->holdout;
  if (point < end) return kHoldoutArm;
  for (const Arm& arm : split->arms) {
    end += arm.share;
    if (point < end) return arm.name;
  }
  return split->arms.back().name;  // Rounding alone leaves a point above the last end.
}

std::vector<Arm> expected_arms(const AudienceSplit* split, const GlobalHoldout& global) {
  std::vector<Arm> arms;
  const double rest = 1.0 - global.share;
  if (global.share > 0) arms.push_back({std::string(kGlobalHoldoutArm), global.share});
  if (split == nullptr) {
    arms.push_back({std::string(kEverybodyArm), rest});
    return arms;
  }
  if (split->holdout > 0) arms.push_back({std::string(kHoldoutArm), rest * split->holdout});
  for (const Arm& arm : split->arms) arms.push_back({arm.name, rest * arm.share});
  return arms;
}

std::uint64_t key_of(const AudienceSplit* split, const GlobalHoldout& global) {
  if (split == nullptr && global.share <= 0) return 0;
  JsonWriter json;
  json.begin_array();
  if (global.share > 0) json.raw(to_json(global));
  if (split != nullptr) {
    json.begin_object();
    AudienceSplit decides = *split;
    decides.send.clear();  // Whom it sends does not move anybody.
    write_split(json, decides);
    json.end_object();
  }
  json.end_array();
  return std::max<std::uint64_t>(hash64(json.str()), 1);
}

}  // namespace muster::connect
