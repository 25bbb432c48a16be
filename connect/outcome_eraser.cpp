#include "connect/outcome_eraser.h"

#include <algorithm>
#include <vector>

#include "connect/compress.h"
#include "connect/known_people.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

// Puts blanks in the place of a text, so that those of others stay where they are.
bool blank(std::string& text, std::size_t at, std::size_t size) {
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size()));
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, text.size()));
  const bool is_blank = std::all_of(begin, end, [](char c) { return c == ' '; });
  std::fill(begin, end, ' ');
  return !is_blank;
}

bool clear(std::string& text) {
  const bool had_any = !text.empty();
  text.clear();
  return had_any;
}

bool clear_messages(DeliveredPartly& record) {
  bool changed = false;
  for (auto& [message, people] : record.rejected) changed = clear(message) || changed;
  return changed;
}

}  // namespace

Result<bool> OutcomeEraser::erase_batch(BatchPlanned& batch, const SyncNeeds& needs,
                                        bool& is_needed) {
  const index::Bitmap theirs = intersect(batch.people, erased_);
  if (theirs.empty()) return false;
  if (needs.is_changing || needs.open_batches.contains(batch.id)) {
    is_needed = true;
    return false;
  }
  batches_.insert(batch.id);
  const index::Bitmap going = subtract(theirs, needs.held);
  if (going != theirs) is_needed = true;
  TRY_ASSIGN(std::string body, unpack(batch.packed, kBodyUnpackedMax));
  std::size_t at = batch.prefix_bytes;
  const std::vector<index::Ordinal> people = batch.people.to_vector();
  bool changed = false;
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (going.contains(people[i])) {
      changed = blank(body, at, batch.member_bytes[i]) || changed;
      if (!batch.digests.empty()) batch.digests[i] = 0;
      if (!batch.names.empty()) batch.names[i] = 0;
    }
    at += batch.member_bytes[i] + batch.separator_bytes;
  }
  if (changed) batch.packed = batch.gzip ? gzip_pack(body) : pack(body);
  TRY_ASSIGN(const bool forgot, forget_known(batch, going));
  changed = changed || forgot;
  if (people.size() == 1 && !going.empty()) {  // The request may name the one it is about.
    changed = clear(batch.request.target) || !batch.request.headers.empty() || changed;
    batch.request.headers.clear();
  }
  return changed;
}

Result<engine::ErasedOutcome> OutcomeEraser::erase(const std::string& stream,
                                                   std::string_view payload) {
  TRY_ASSIGN(OutcomeRecord record, decode_outcome(payload));
  const SyncNeeds& needs = needs_[stream];
  engine::ErasedOutcome done;
  bool changed = false;
  const auto is_theirs = [&](const std::string& batch) { return batches_.contains(batch); };
  if (const auto* run = std::get_if<RunStarted>(&record)) {
    // It may plan another batch yet.
    done.is_needed = needs.is_changing && !intersect(run->audience, erased_).empty();
  } else if (auto* planned = std::get_if<BatchPlanned>(&record)) {
    TRY_ASSIGN(changed, erase_batch(*planned, needs, done.is_needed));
  } else if (auto* split = std::get_if<Split>(&record)) {
    // What the receiver answered may name whom it is about.
    if (is_theirs(split->id)) changed = clear(split->answer);
    TRY_ASSIGN(const bool first, erase_batch(split->first, needs, done.is_needed));
    TRY_ASSIGN(const bool second, erase_batch(split->second, needs, done.is_needed));
    changed = changed || first || second;
  } else if (auto* recut = std::get_if<Recut>(&record)) {
    if (recut->has_next) {
      TRY_ASSIGN(changed, erase_batch(recut->next, needs, done.is_needed));
    }
  } else if (auto* sealed = std::get_if<RemovalSealed>(&record)) {
    const auto settled = needs.settled_removals.find(sealed->sync);
    const bool is_over = settled != needs.settled_removals.end() &&
                         settled->second.contains(static_cast<index::Ordinal>(sealed->person));
    done.is_needed = !is_over && !sealed->sealed.empty();
    changed = is_over && clear(sealed->sealed);
  } else if (auto* rejected = std::get_if<Rejected>(&record)) {
    if (is_theirs(rejected->id)) changed = clear(rejected->answer);
  } else if (auto* partly = std::get_if<DeliveredPartly>(&record)) {
    if (is_theirs(partly->id)) changed = clear_messages(*partly);
  } else if (auto* failed = std::get_if<AttemptFailed>(&record)) {
    if (is_theirs(failed->id)) changed = clear(failed->error);
  } else if (auto* dead = std::get_if<Dead>(&record)) {
    if (is_theirs(dead->id)) changed = clear(dead->error);
  }
  if (changed) done.payload = encode(record);
  return done;
}

}  // namespace muster::connect
