#include "connect/profile_ids.h"

#include <boost/json.hpp>

#include <algorithm>

#include "connect/compress.h"
#include "connect/outcome_record.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

Status collect(const BatchPlanned& batch, const index::Bitmap& wanted,
               std::unordered_map<index::Ordinal, std::string>& ids) {
  if (batch.operation == Operation::Remove || intersect(batch.people, wanted).empty()) {
    return Ok{};
  }
  TRY_ASSIGN(const std::string body, gzip_unpack(batch.packed, kBodyUnpackedMax));
  std::size_t at = batch.prefix_bytes;
  const std::vector<index::Ordinal> people = batch.people.to_vector();
  for (std::size_t i = 0; i < people.size(); ++i) {
    const std::size_t size = batch.member_bytes[i];
    if (wanted.contains(people[i]) && at + size <= body.size()) {
      boost::json::error_code failed;
      const boost::json::value member = boost::json::parse({body.data() + at, size}, failed);
      const boost::json::value* id =
          !failed && member.is_object() ? member.get_object().if_contains("id") : nullptr;
      if (id != nullptr && id->is_string()) ids[people[i]] = std::string(id->get_string());
    }
    at += size + 1;  // The comma.
  }
  return Ok{};
}

}  // namespace

Result<std::unordered_map<index::Ordinal, std::string>> ids_last_sent(
    const SentBefore& before, const index::Bitmap& wanted) {
  std::unordered_map<index::Ordinal, std::string> ids;
  TRY(before.journal.replay(before.stream, [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    const auto* const batch = std::get_if<BatchPlanned>(&record);
    return batch == nullptr ? Status(Ok{}) : collect(*batch, wanted, ids);
  }));
  return ids;
}

Result<std::vector<std::string>> profile_ids(const Audience& audience,
                                             const AudienceMoment& moment,
                                             const SentBefore& before,
                                             std::span<const index::Ordinal> ordinals) {
  std::vector<std::string> ids;
  index::Bitmap gone;
  for (std::size_t from = 0; from < ordinals.size(); from += kPeopleAskedMax) {
    const auto part = ordinals.subspan(from, std::min(kPeopleAskedMax, ordinals.size() - from));
    TRY_ASSIGN(std::vector<engine::ProfileRow> rows, audience.people(moment, part, {}));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (rows[i].profile_id.empty()) gone.add(part[i]);
      ids.push_back(std::move(rows[i].profile_id));
    }
  }
  if (gone.empty()) return ids;
  TRY_ASSIGN(const auto sent, ids_last_sent(before, gone));
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto found = sent.find(ordinals[i]);
    if (ids[i].empty() && found != sent.end()) ids[i] = found->second;
  }
  return ids;
}

}  // namespace muster::connect
