#include <set>

#include "engine/impl.h"

namespace muster::engine {

using storage::Suppression;
using storage::SuppressionMark;

index::IsSuppressed Engine::Impl::suppressed() const {
  if (parts.suppression == nullptr || parts.suppression->size() == 0) return {};
  return [this](std::string_view identifier, std::string_view value) {
    return parts.suppression->holds(identifier, value);
  };
}

Result<ErasureReceipt> Engine::Impl::erase(std::string_view profile_id) {
  ErasureReceipt receipt;
  const Change change = [&](Commit& into) -> Status {
    receipt.erased_at = now();
    const auto person = writer.erase(profile_id);
    if (!person) return Error{ErrorCode::NotFound, "there is no profile with this id"};
    storage::Erasure erasure{std::string(profile_id), "requested", {}};
    if (Suppression* const suppression = parts.suppression) {
      storage::SuppressedPerson known_by{into.last_sequence() + 1, receipt.erased_at, {}};
      for (const auto& [identifier, value] : *person) {
        known_by.tags.push_back(suppression->tag(identifier, value));
      }
      receipt.suppressed = known_by.tags.size();
      suppression->add(std::move(known_by));
      erasure.mark = suppression_mark = suppression->mark();
    }
    receipt.sequence = into.add({receipt.erased_at, 0, std::move(erasure)});
    return Ok{};
  };
  TRY(commit(change));
  return receipt;
}

Status Engine::Impl::check_suppression() {
  return parts.suppression == nullptr ? Status(Ok{})
                                      : parts.suppression->check(suppression_mark);
}

namespace {

// The ids of the people whom the state has and who are known by one of the tags.
// Cost: an HMAC for each person and each identifier.
std::vector<std::string> people_with(const index::Generation& state,
                                     const Suppression& suppression,
                                     const std::set<Hash128>& tags) {
  std::set<index::Ordinal> found;
  const index::Table& people = state.profiles;
  for (const auto& entry : people.live.entries()) {
    for (std::uint32_t i = 0; i < index::kBlockSize; ++i) {
      if (!entry.members->contains(static_cast<std::uint16_t>(i))) continue;
      const index::Ordinal ordinal = entry.block * index::kBlockSize + i;
      if (tags.contains(suppression.tag("profile_id", people.ids.key(ordinal).view()))) {
        found.insert(ordinal);
      }
    }
  }
  for (const auto& [name, identifier] : state.identifiers) {
    for (std::uint32_t code = 0; code < identifier->values.size(); ++code) {
      const auto owner = identifier->owners.at(code);
      if (owner && tags.contains(suppression.tag(name, identifier->values.key(code).view()))) {
        found.insert(static_cast<index::Ordinal>(*owner));
      }
    }
  }
  std::vector<std::string> ids;
  for (const index::Ordinal ordinal : found) ids.emplace_back(people.ids.key(ordinal).view());
  return ids;
}

}  // namespace

Status Engine::Impl::apply_suppression() {
  Suppression* const suppression = parts.suppression;
  if (suppression == nullptr) return Ok{};
  // Data from before there was such a file.
  if (suppression_mark == SuppressionMark{} && suppression->size() == 0) {
    for (const std::string& id : writer.erased_ids()) {
      suppression->add({0, now(), {suppression->tag("profile_id", id)}});
    }
  }
  if (suppression->size() == suppression_mark.erasures) return Ok{};
  std::set<Hash128> tags;
  for (const auto& person : suppression->erasures(suppression_mark.erasures)) {
    tags.insert(person.tags.begin(), person.tags.end());
  }
  const std::vector<std::string> again = people_with(*generation(), *suppression, tags);
  for (const std::string& id : again) TRY(erase(id));
  if (!again.empty() && parts.notice) {
    parts.notice(std::to_string(again.size()) + " people whom the suppression file has as erased "
                 "were in these data, and have been erased again");
  }
  // The log knows now that it has them all.
  return commit([&](Commit& into) -> Status {
    suppression_mark = suppression->mark();
    into.add({now(), 0, storage::Erasure{"", "suppression applied", suppression_mark}});
    return Ok{};
  });
}

Result<ErasureReceipt> Engine::erase(const Pass<Permission::Define>&, std::string_view profile_id) {
  return impl_->erase(profile_id);
}

}  // namespace muster::engine
