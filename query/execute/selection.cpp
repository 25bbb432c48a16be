#include "query/execute/selection.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace muster::query {
namespace {

using index::FusedSets;
using index::kernels;
using index::MemberRun;

// Up to this many members two arrays are merged; beyond, setting bits is quicker.
constexpr std::uint32_t kMergedMax = 512;
// Fewer people than this are worth an array before dear leaves are asked.
constexpr std::uint32_t kThinMax = 512;

Selection of_array(Scratch::Lease buffer, std::uint32_t count) {
  if (count == 0) return {};
  const BlockSet set = BlockSet::of_array({buffer->members.data(), count});
  return {.set = set, .buffer = std::move(buffer)};
}

// The set as words in a buffer it owns.
Scratch::Lease as_own_words(Selection selection, Scratch& scratch) {
  if (selection.set.kind == SetKind::Bits && selection.buffer) return std::move(selection.buffer);
  Scratch::Lease out = scratch.take();
  if (selection.set.kind == SetKind::Bits) {
    std::copy_n(selection.set.words(), kBlockWords, out->words.begin());
    return out;
  }
  out->words.fill(0);
  or_into(selection.set, words_of(out));
  return out;
}

// Takes the gaps between the runs out of the words.
void clear_gaps(std::span<const MemberRun> runs, MutableBlock words) {
  std::uint32_t next = 0;  // The first member not looked at.
  for (const MemberRun& run : runs) {
    if (run.first > next) index::clear_range(words, next, run.first - 1U);
    next = run.last + 1U;
  }
  if (next < kBlockSize) index::clear_range(words, next, kBlockSize - 1);
}

// The members of an array that lie in the runs, or outside of them.
std::uint32_t filter_by_runs(std::span<const std::uint16_t> members,
                             std::span<const MemberRun> runs, bool wanted, std::uint16_t* out) {
  std::uint32_t kept = 0;
  std::size_t r = 0;
  for (const std::uint16_t m : members) {
    while (r < runs.size() && runs[r].last < m) ++r;
    const bool in = r < runs.size() && runs[r].first <= m;
    if (out != nullptr) out[kept] = m;
    kept += in == wanted ? 1 : 0;
  }
  return kept;
}

// How far ahead the first one not below m stands: steps that double, then halves.
std::size_t steps_to(std::span<const std::uint16_t> ahead, std::uint16_t m) {
  std::size_t end = 1;
  while (end < ahead.size() && ahead[end - 1] < m) end *= 2;
  end = std::min(end, ahead.size());
  const auto found = std::lower_bound(ahead.begin() + static_cast<std::ptrdiff_t>(end / 2),
                                      ahead.begin() + static_cast<std::ptrdiff_t>(end), m);
  return static_cast<std::size_t>(found - ahead.begin());
}

// Members of an array that another array does not have.
std::uint32_t subtract_arrays(std::span<const std::uint16_t> a, std::span<const std::uint16_t> b,
                              std::uint16_t* out) {
  constexpr std::size_t kSearchedRatio = 8;  // So many times larger: searching skips more.
  const bool is_searched = a.size() * kSearchedRatio < b.size();
  std::uint32_t kept = 0;
  std::size_t j = 0;
  for (const std::uint16_t m : a) {
    if (is_searched) j += steps_to(b.subspan(j), m);
    while (j < b.size() && b[j] < m) ++j;
    out[kept] = m;
    kept += j < b.size() && b[j] == m ? 0 : 1;
  }
  return kept;
}

// How many members of an array are in another set; they go to out unless that is null.
std::uint32_t filter(std::span<const std::uint16_t> members, const BlockSet& by,
                     std::uint16_t* out) {
  switch (by.kind) {
    case SetKind::Array: return kernels().intersect_arrays(members, by.members(), out);
    case SetKind::Runs: return filter_by_runs(members, by.runs(), true, out);
    case SetKind::Bits: return kernels().filter_in(members, by.block(), out);
    case SetKind::Empty: return 0;
    case SetKind::Full: break;
  }
  if (out != nullptr) std::copy(members.begin(), members.end(), out);
  return static_cast<std::uint32_t>(members.size());
}

Selection intersect_array(Selection a, const BlockSet& b, Scratch& scratch) {
  const auto members = a.set.members();
  Scratch::Lease out = a.buffer ? std::move(a.buffer) : scratch.take();
  const std::uint32_t kept = filter(members, b, out->members.data());
  return of_array(std::move(out), kept);
}

Selection subtract_from_array(Selection a, const BlockSet& b, Scratch& scratch) {
  const auto members = a.set.members();
  Scratch::Lease out = a.buffer ? std::move(a.buffer) : scratch.take();
  std::uint16_t* const to = out->members.data();
  std::uint32_t kept = 0;
  switch (b.kind) {
    case SetKind::Array: kept = subtract_arrays(members, b.members(), to); break;
    case SetKind::Runs: kept = filter_by_runs(members, b.runs(), false, to); break;
    default: kept = kernels().filter_out(members, b.block(), to); break;
  }
  return of_array(std::move(out), kept);
}

std::uint32_t count_common_runs(std::span<const MemberRun> a, std::span<const MemberRun> b) {
  std::uint32_t common = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const std::uint32_t first = std::max(a[i].first, b[j].first);
    const std::uint32_t last = std::min(a[i].last, b[j].last);
    if (first <= last) common += last - first + 1;
    if (a[i].last <= b[j].last) ++i;
    else ++j;
  }
  return common;
}

// One pass at most reads this many of each; `from` is moved on.
FusedSets next_pass(const BitSets& sets, std::size_t& take, std::size_t& drop,
                    const std::uint64_t* so_far) {
  FusedSets pass;
  if (so_far != nullptr) pass.take[pass.takes++] = so_far;
  while (take < sets.take.size() && pass.takes < index::kFusedMax) {
    pass.take[pass.takes++] = sets.take[take++];
  }
  while (drop < sets.drop.size() && pass.drops < index::kFusedMax) {
    pass.drop[pass.drops++] = sets.drop[drop++];
  }
  return pass;
}

bool is_one_pass(const BitSets& sets) {
  return sets.take.size() <= index::kFusedMax && sets.drop.size() <= index::kFusedMax;
}

}  // namespace

Scratch::Lease Scratch::take() {
  if (free_.empty()) {
    if (free_.capacity() <= made_) free_.reserve(2 * (made_ + 1));
    std::unique_ptr<Buffer> buffer(new Buffer);  // Its words are not cleared.
    ++made_;
    return Lease(buffer.release(), GiveBack{this});
  }
  Buffer* buffer = free_.back().release();
  free_.pop_back();
  return Lease(buffer, GiveBack{this});
}

Scratch::Lease Scratch::cleared() {
  Lease buffer = take();
  buffer->words.fill(0);
  return buffer;
}

Selection Selection::of_words(Scratch::Lease buffer) {
  const std::uint32_t members = kernels().count(Block(buffer->words));
  return of_words(std::move(buffer), members);
}

Selection Selection::of_words(Scratch::Lease buffer, std::uint32_t count) {
  const BlockSet set = BlockSet::of_words(buffer->words.data(), count);
  if (set.kind != SetKind::Bits) return of(set);
  return {.set = set, .buffer = std::move(buffer)};
}

Selection intersect(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.full()) return a;
  if (b.empty() || a.set.full()) return b;
  if (b.set.kind == SetKind::Array &&
      (a.set.kind != SetKind::Array || b.set.count < a.set.count)) {
    std::swap(a, b);
  }
  if (a.set.kind == SetKind::Array) return intersect_array(std::move(a), b.set, scratch);
  if (b.set.kind == SetKind::Runs) std::swap(a, b);
  if (a.set.kind == SetKind::Runs) {
    const auto runs = a.set.runs();
    Scratch::Lease out = as_own_words(std::move(b), scratch);
    clear_gaps(runs, words_of(out));
    return Selection::of_words(std::move(out));
  }
  Scratch::Lease out = a.buffer ? std::move(a.buffer) : std::move(b.buffer);
  if (!out) out = scratch.take();
  const std::uint32_t members = kernels().and_write(a.set.block(), b.set.block(), words_of(out));
  return Selection::of_words(std::move(out), members);
}

Selection unite(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.full()) return b;
  if (b.empty() || a.set.full()) return a;
  if (a.set.kind == SetKind::Array && b.set.kind == SetKind::Array &&
      a.set.count + b.set.count <= kMergedMax) {
    Scratch::Lease out = scratch.take();
    const auto x = a.set.members(), y = b.set.members();
    const auto end = std::set_union(x.begin(), x.end(), y.begin(), y.end(), out->members.begin());
    const auto count = static_cast<std::uint32_t>(end - out->members.begin());
    return of_array(std::move(out), count);
  }
  if (b.set.kind == SetKind::Bits && b.buffer) std::swap(a, b);
  if (a.set.kind == SetKind::Bits && b.set.kind == SetKind::Bits) {
    Scratch::Lease out = a.buffer ? std::move(a.buffer) : scratch.take();
    const std::uint32_t members = kernels().or_write(a.set.block(), b.set.block(), words_of(out));
    return Selection::of_words(std::move(out), members);
  }
  if (b.set.kind == SetKind::Bits) std::swap(a, b);
  const BlockSet other = b.set;
  const Scratch::Lease keeps_other = std::move(b.buffer);
  Scratch::Lease out = as_own_words(std::move(a), scratch);
  or_into(other, words_of(out));
  return Selection::of_words(std::move(out));
}

Selection subtract(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.full()) return {};
  if (b.empty()) return a;
  if (a.set.kind == SetKind::Array) return subtract_from_array(std::move(a), b.set, scratch);
  if (a.set.kind == SetKind::Bits && b.set.kind == SetKind::Bits) {
    Scratch::Lease out = a.buffer ? std::move(a.buffer) : std::move(b.buffer);
    if (!out) out = scratch.take();
    const std::uint32_t members =
        kernels().andnot_write(a.set.block(), b.set.block(), words_of(out));
    return Selection::of_words(std::move(out), members);
  }
  Scratch::Lease out = as_own_words(std::move(a), scratch);
  switch (b.set.kind) {
    case SetKind::Array:
      for (const std::uint16_t m : b.set.members()) {
        out->words[m / 64] &= ~(std::uint64_t{1} << (m % 64));
      }
      break;
    case SetKind::Runs:
      for (const MemberRun& run : b.set.runs()) {
        index::clear_range(words_of(out), run.first, run.last);
      }
      break;
    default: {
      const std::uint32_t members =
          kernels().andnot_write(Block(out->words), b.set.block(), words_of(out));
      return Selection::of_words(std::move(out), members);
    }
  }
  return Selection::of_words(std::move(out));
}

Selection all_of(const BitSets& sets, Scratch& scratch) {
  Scratch::Lease out = scratch.take();
  std::size_t take = 0, drop = 0;
  const std::uint64_t* so_far = nullptr;
  if (sets.take.empty()) {
    out->words.fill(~std::uint64_t{0});
    so_far = out->words.data();
  }
  std::uint32_t count = so_far == nullptr ? 0 : kBlockSize;
  while (take < sets.take.size() || drop < sets.drop.size()) {
    const FusedSets pass = next_pass(sets, take, drop, so_far);
    count = kernels().all_of(pass, out->words.data());
    so_far = out->words.data();
  }
  return Selection::of_words(std::move(out), count);
}

std::uint32_t count_all_of(const BitSets& sets, Scratch& scratch) {
  if (!is_one_pass(sets)) return all_of(sets, scratch).set.count;
  std::size_t take = 0, drop = 0;
  if (!sets.take.empty()) return kernels().all_of(next_pass(sets, take, drop, nullptr), nullptr);
  if (sets.drop.empty()) return kBlockSize;
  return kBlockSize - kernels().any_of(next_pass({.take = sets.drop, .drop = {}}, take, drop,
                                                 nullptr), nullptr);
}

std::uint32_t count_in(const BlockSet& array, const BitSets& sets, Scratch& scratch) {
  if (!is_one_pass(sets)) return intersect_count(array, all_of(sets, scratch).set);
  std::size_t take = 0, drop = 0;
  return kernels().count_in(array.members(), next_pass(sets, take, drop, nullptr));
}

Selection united(std::span<const BlockSet> sets, Scratch& scratch) {
  BitSets bits;
  std::uint64_t few_members = 0;
  Selection only;
  std::size_t not_empty = 0;
  for (const BlockSet& set : sets) {
    if (set.full()) return Selection::everybody();
    if (set.empty()) continue;
    only = Selection::of(set);
    ++not_empty;
    if (set.kind == SetKind::Bits) bits.take.push_back(set.words());
    else few_members += set.count;
  }
  if (not_empty <= 1) return only;
  if (bits.take.empty() && few_members <= kMergedMax) {
    Selection merged;
    for (const BlockSet& set : sets) {
      merged = unite(std::move(merged), Selection::of(set), scratch);
    }
    return merged;
  }
  Scratch::Lease out = bits.take.empty() ? scratch.cleared() : scratch.take();
  std::size_t take = 0, drop = 0;
  std::uint32_t count = 0;
  for (const std::uint64_t* so_far = nullptr; take < bits.take.size();
       so_far = out->words.data()) {
    count = kernels().any_of(next_pass(bits, take, drop, so_far), out->words.data());
  }
  if (few_members == 0) return Selection::of_words(std::move(out), count);
  for (const BlockSet& set : sets) {
    if (set.kind != SetKind::Bits) or_into(set, words_of(out));
  }
  return Selection::of_words(std::move(out));
}

Selection thinned(Selection selection) {
  const bool few = selection.set.kind == SetKind::Bits && selection.set.count <= kThinMax;
  if (!few || !selection.buffer) return selection;
  const std::uint32_t count =
      kernels().members_of(selection.set.block(), selection.buffer->members.data());
  return of_array(std::move(selection.buffer), count);
}

Selection as_array(Selection selection, Scratch& scratch) {
  CHECK(selection.set.count <= index::kLongArrayMax);
  if (selection.empty() || selection.set.kind == SetKind::Array) return selection;
  const BlockSet set = selection.set;
  Scratch::Lease out = selection.buffer ? std::move(selection.buffer) : scratch.take();
  if (set.kind == SetKind::Bits) {
    return of_array(std::move(out), kernels().members_of(set.block(), out->members.data()));
  }
  std::uint32_t count = 0;
  for (const MemberRun& run : set.runs()) {
    for (std::uint32_t m = run.first; m <= run.last; ++m) {
      out->members[count++] = static_cast<std::uint16_t>(m);
    }
  }
  return of_array(std::move(out), count);
}

Selection keep_if(Selection selection, Scratch& scratch,
                  const std::function<bool(std::uint16_t)>& keeps) {
  if (selection.empty()) return selection;
  if (selection.set.kind == SetKind::Array) {
    const auto members = selection.set.members();
    Scratch::Lease out = selection.buffer ? std::move(selection.buffer) : scratch.take();
    std::uint32_t kept = 0;
    // Writing behind the reader: in place is safe.
    for (const std::uint16_t member : members) {
      out->members[kept] = member;
      kept += keeps(member) ? 1 : 0;
    }
    return of_array(std::move(out), kept);
  }
  Scratch::Lease out = as_own_words(std::move(selection), scratch);
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    for (std::uint64_t rest = out->words[w]; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
      if (!keeps(static_cast<std::uint16_t>(w * 64 + bit))) {
        out->words[w] &= ~(std::uint64_t{1} << bit);
      }
    }
  }
  return Selection::of_words(std::move(out));
}

std::uint32_t intersect_count(const BlockSet& a, const BlockSet& b) {
  if (a.empty() || b.full()) return a.count;
  if (b.empty() || a.full()) return b.count;
  if (a.kind == SetKind::Array) return filter(a.members(), b, nullptr);
  if (b.kind == SetKind::Array) return filter(b.members(), a, nullptr);
  if (a.kind == SetKind::Runs && b.kind == SetKind::Runs) {
    return count_common_runs(a.runs(), b.runs());
  }
  if (a.kind == SetKind::Runs || b.kind == SetKind::Runs) {
    const BlockSet& runs = a.kind == SetKind::Runs ? a : b;
    const BlockSet& bits = a.kind == SetKind::Runs ? b : a;
    std::uint32_t count = 0;
    for (const MemberRun& run : runs.runs()) {
      count += index::count_range(bits.block(), run.first, run.last);
    }
    return count;
  }
  return kernels().and_count(a.block(), b.block());
}

}  // namespace muster::query
