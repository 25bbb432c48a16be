// Changes in a simulated world: how they are sent, what becomes of them, and what must hold then.
#include <chrono>
#include <optional>

#include "tests/simulation/world.h"

namespace muster::testing {
namespace {

constexpr std::chrono::seconds kQueueWaitMax{20};
constexpr TimeMs kKeysKeptMs = 24 * 3'600'000LL;
constexpr std::size_t kOldMax = 8;

}  // namespace

// What each client was answered; nothing for one that never sent its change.
struct World::Sent {
  std::vector<std::optional<Result<bool>>> answers;
  std::uint64_t appends = 0;
};

std::vector<Change> World::some_changes() {
  std::vector<Change> changes;
  if (known_.has_many() && one_in(8)) {
    changes.push_back(known_.erasure(now()));
    return changes;
  }
  for (std::uint32_t i = 0; i < 1 + random_.below(3); ++i) {
    changes.push_back(known_.any_change(now()));
  }
  return changes;
}

World::Sent World::send(std::vector<Change>& changes) {
  Sent sent;
  sent.answers.resize(changes.size());
  const std::uint64_t before = log_.appends();
  std::vector<std::jthread> clients;
  const auto meanwhile = [&] {
    // The change that is being written is not to be seen yet.
    ask();
    for (std::size_t i = 1; i < changes.size(); ++i) {
      clients.emplace_back([&, i] { sent.answers[i] = changes[i].send(engine()); });
      const auto began = std::chrono::steady_clock::now();
      while (engine().health().queue_depth < 1 + i) {
        if (std::chrono::steady_clock::now() - began > kQueueWaitMax) {
          return broken(changes[i].what + " never queued");
        }
        std::this_thread::yield();
      }
    }
  };
  log_.during(meanwhile);
  sent.answers[0] = changes[0].send(engine());
  clients.clear();
  log_.during(nullptr);
  sent.appends = log_.appends() - before;
  return sent;
}

void World::change_something() {
  std::vector<Change> changes = some_changes();
  const Fate fate = one_in(5) ? kEndingFates[random_.below(kEndingFates.size())] : Fate::Kept;
  const int later = changes.size() > 1 ? static_cast<int>(random_.below(2)) : 0;
  log_.plan(fate, later);
  const Sent sent = send(changes);
  log_.plan(Fate::Kept);
  for (const Change& change : changes) note(change.what);
  note(std::string("  ") + word_of(fate) + " in append " + std::to_string(later) + " of " +
       std::to_string(sent.appends));
  settle(changes, sent, fate, later);
}

// What happened, happened; what did not is refused; what is under way is as the disk has it.
void World::settle(std::vector<Change>& changes, const Sent& sent, Fate fate, int later) {
  const bool is_hit = fate != Fate::Kept && sent.appends > static_cast<std::uint64_t>(later);
  std::vector<std::pair<Change, bool>> under_way;  // And whether it stands.
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (!sent.answers[i]) continue;
    const auto& answer = *sent.answers[i];
    const int group = i == 0 ? 0 : 1;
    if (!is_hit || group < later) {
      if (!answer) return broken(changes[i].what + ": " + answer.error().message);
      if (*answer) return broken(changes[i].what + " was taken for a repeated one");
      keep_happened(changes[i]);
      continue;
    }
    happened("writes under way");
    if (answer) return broken(changes[i].what + " was acknowledged, and the disk had failed");
    if (answer.error().code != ErrorCode::Unavailable) {
      return broken(changes[i].what + ": " + answer.error().message);
    }
    under_way.emplace_back(std::move(changes[i]), group == later && is_kept(fate));
  }
  if (!is_hit) return;
  // It goes on answering what it knew, takes nothing, and says so.
  if (!engine().health().read_only) return broken("a failed disk, and the engine takes writes");
  ask();
  const auto refused = known_.any_change(now()).send(engine());
  if (refused) return broken("a write was taken after the disk had failed");
  for (auto& [change, stands] : under_way) {
    if (stands) keep_happened(change);
    if (stands || !change.is_erasure) continue;
    happened("erasures made good");
    change.happen();
    gone_.insert(change.erased.begin(), change.erased.end());
    stands = true;
  }
  recover();
  ask();
  for (auto& [change, stands] : under_way) {
    if (broken_.empty() && (change.is_keyed || !stands) && one_in(2)) send_again(change, stands);
  }
}

void World::keep_happened(Change& change) {
  happened("writes");
  change.happen();
  if (change.is_erasure) gone_.insert(change.erased.begin(), change.erased.end());
  durable_now_ = std::max(durable_now_, change.made);
  if (!change.is_keyed) return;
  old_.push_back(change);
  if (old_.size() > kOldMax) old_.erase(old_.begin());
}

void World::send_again(Change& change, bool was_kept) {
  change.made = now();
  const auto answer = change.send(engine());
  note("again: " + change.what);
  if (!answer) return broken(change.what + " sent again: " + answer.error().message);
  if (*answer != was_kept) {
    return broken(change.what + (was_kept ? " was done twice" : " was never done"));
  }
  if (!was_kept) keep_happened(change);
}

// Refused whole, and taken as soon as there is room.
void World::full_disk() {
  Change change = known_.any_change(now());
  log_.plan(Fate::Full);
  const auto refused = change.send(engine());
  note("full disk: " + change.what);
  happened("full disks");
  if (refused) return broken(change.what + " was taken by a full disk");
  if (refused.error().code != ErrorCode::StorageFull) {
    return broken(change.what + " on a full disk: " + refused.error().message);
  }
  ask();
  log_.plan(Fate::Kept);
  send_again(change, false);
}

void World::repeat_an_old_one() {
  if (old_.empty()) return;
  Change& change = old_[random_.below(static_cast<std::uint32_t>(old_.size()))];
  if (now() - change.made >= kKeysKeptMs) return;
  const auto answer = change.send(engine());
  note("repeated: " + change.what);
  happened("repeated writes");
  if (!answer) return broken(change.what + " repeated: " + answer.error().message);
  if (!*answer) broken(change.what + " was done twice");
}

}  // namespace muster::testing
