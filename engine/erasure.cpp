#include <optional>
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

// Erases the person, and has the suppression file know it; the log's records are the caller's.
// Nothing when nobody has the id.
std::optional<Engine::Impl::ErasedPerson> Engine::Impl::erase_person(std::string_view profile_id,
                                                                     std::uint64_t first_record,
                                                                     TimeMs at) {
  const auto ordinals = writer.ordinals_of_person(profile_id);
  const auto person = writer.erase(profile_id);
  if (!person) return std::nullopt;
  if (person_keys() != nullptr) person_keys()->destroy(ordinals);
  ErasedPerson erased;
  // An older log may have the ids apart: each stands for itself, the identifiers with the first.
  std::vector<storage::SuppressedPerson> known_by;
  for (const auto& [identifier, value] : *person) {
    if (identifier == "profile_id") {
      known_by.push_back({first_record + erased.ids.size(), at, {}});
      erased.ids.push_back(value);
    }
    if (parts.suppression == nullptr || index::tag_of_lost_name(value)) continue;
    auto& where = identifier == "profile_id" ? known_by.back() : known_by.front();
    where.tags.push_back(parts.suppression->tag(identifier, value));
    ++erased.suppressed;
  }
  if (parts.suppression == nullptr) return erased;
  for (const auto& one : known_by) {
    if (!one.tags.empty()) parts.suppression->add(one);  // Else the file has them already.
  }
  return erased;
}

Result<ErasureReceipt> Engine::Impl::erase(std::string_view profile_id) {
  ErasureReceipt receipt;
  const Change change = [&](Commit& into) -> Status {
    receipt.erased_at = now();
    const auto erased = erase_person(profile_id, into.last_sequence() + 1, receipt.erased_at);
    if (!erased) return Error{ErrorCode::NotFound, "there is no profile with this id"};
    receipt.suppressed = erased->suppressed;
    if (parts.suppression != nullptr) suppression_mark = parts.suppression->mark();
    for (const std::string& id : erased->ids) {
      // Nobody, where rows alone waited for them.
      const auto ordinal = writer.state().profiles.ids.find(id);
      if (ordinal) receipt.profiles.push_back({*ordinal, id});
      receipt.sequence = into.add(
          {receipt.erased_at, 0, storage::Erasure{id, "requested", suppression_mark}});
    }
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

// The ids, of people who are there or whom rows wait for, that the tags are of.
// Cost: an HMAC for each id.
std::vector<std::string> ids_with(const index::Generation& state, std::set<std::string> waiting,
                                  const Suppression& suppression, const std::set<Hash128>& tags) {
  std::vector<std::string> found;
  const index::Dictionary& ids = state.profiles.ids;
  const auto look = [&](std::string_view id) {
    if (tags.contains(suppression.tag("profile_id", id))) found.emplace_back(id);
  };
  for (std::uint32_t ordinal = 0; ordinal < ids.size(); ++ordinal) look(ids.key(ordinal).view());
  std::erase_if(waiting, [&](const std::string& id) { return ids.find(id).has_value(); });
  for (const std::string& id : waiting) look(id);
  return found;
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
  std::set<Hash128> tags;  // Of ids: by an identifier it may be another person in an older log.
  for (const auto& person : suppression->erasures(suppression_mark.erasures)) {
    if (!person.tags.empty()) tags.insert(person.tags.front());
  }
  const std::vector<std::string> ids =
      ids_with(*generation(), writer.waiting_ids(), *suppression, tags);
  // All of them or none: the last record alone says that the log has what the file has.
  std::uint64_t again = 0;
  TRY(commit([&](Commit& into) -> Status {
    const TimeMs at = now();
    for (const std::string& id : ids) {
      const auto erased = erase_person(id, into.last_sequence() + 1, at);
      if (!erased) continue;  // It was, and stays so.
      for (const std::string& one : erased->ids) {
        into.add({at, 0, storage::Erasure{one, "suppression applied", suppression_mark}});
      }
      ++again;
    }
    suppression_mark = suppression->mark();
    into.add({at, 0, storage::Erasure{"", "suppression applied", suppression_mark}});
    return Ok{};
  }));
  if (again != 0 && parts.notice) {
    parts.notice(std::to_string(again) + " people whom the suppression file has as erased were in "
                 "these data, and have been erased again");
  }
  return Ok{};
}

Result<ErasureReceipt> Engine::erase(const Pass<Permission::Define>&, std::string_view profile_id) {
  return impl_->erase(profile_id);
}

namespace {

ErasureInfo info_of(const storage::SuppressedPerson& person, std::uint64_t number,
                    std::uint64_t gone) {
  return {person.record, person.at, person.tags.size(), number < gone};
}

}  // namespace

Result<index::Bitmap> Engine::erased(const Pass<Permission::Members>&) const {
  index::Bitmap erased;
  TRY(impl_->commit([&](Commit&) -> Status {
    erased = impl_->writer.erased();
    return Ok{};
  }, 0));
  return erased;
}

std::vector<ErasureInfo> Engine::erasures(const Pass<Permission::Define>&,
                                          std::size_t limit) const {
  std::vector<ErasureInfo> infos;
  if (impl_->parts.suppression == nullptr) return infos;
  const auto persons = impl_->parts.suppression->erasures();
  for (std::size_t i = persons.size(); i > 0 && infos.size() < limit; --i) {
    infos.push_back(info_of(persons[i - 1], i - 1, impl_->gone_erasures));
  }
  return infos;
}

Result<ErasureInfo> Engine::erasure(const Pass<Permission::Define>&,
                                    std::string_view profile_id) const {
  const Suppression* const suppression = impl_->parts.suppression;
  if (suppression != nullptr) {
    const Hash128 tag = suppression->tag("profile_id", profile_id);
    const auto persons = suppression->erasures();
    for (std::size_t i = persons.size(); i > 0; --i) {
      const auto& person = persons[i - 1];
      if (person.tags.empty() || person.tags.front() != tag) continue;
      return info_of(person, i - 1, impl_->gone_erasures);
    }
  }
  return Error{ErrorCode::NotFound, "nobody with this id was erased"};
}

}  // namespace muster::engine
