#include "query/execute/sequence_stream.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "query/execute/found_rows.h"

namespace muster::query {
namespace {

constexpr TimeMs kNever = std::numeric_limits<TimeMs>::min() / 2;
constexpr TimeMs kAlways = std::numeric_limits<TimeMs>::max();

// When an event was, and what it means: at one moment, lower roles come first. Stored times have
// room for that: they are between the years 1678 and 2261.
constexpr unsigned kRoleBits = 6;
constexpr std::int64_t key_of(TimeMs time, std::size_t role) {
  return time * (1 << kRoleBits) + static_cast<std::int64_t>(role);
}
constexpr TimeMs time_of(std::int64_t key) { return key >> kRoleBits; }
constexpr std::size_t role_of(std::int64_t key) { return key & ((1 << kRoleBits) - 1); }

// Events in order of their keys, a chunk at a time.
class Source {
 public:
  explicit Source(std::uint64_t rows) : rows_(rows) {}
  virtual ~Source() = default;

  std::uint64_t rows() const { return rows_; }  // At most, in all.
  std::uint32_t left() const { return count_ - next_; }  // Of this chunk.
  const std::int64_t* keys() const { return keys_.data() + next_; }
  const std::uint16_t* people() const { return people_.data() + next_; }
  // Requires count <= left().  The next chunk comes when nothing is left; none when nothing comes.
  void pop(std::uint32_t count) {
    next_ += count;
    if (next_ == count_) refill();
  }
  virtual void refill() = 0;

 protected:
  std::uint64_t rows_;
  std::uint32_t next_ = 0, count_ = 0;
  std::array<std::int64_t, kSlotsMax> keys_;
  std::array<std::uint16_t, kSlotsMax> people_;
};

// Those that one step takes out of one run.
class Stream final : public Source {
 public:
  Stream(const FoundRows& rows, std::span<const FoundRows::Stretch> stretches,
         const index::Generation& generation, std::size_t role)
      : Source(stretches.size() * kSlotsMax),
        found_(rows),
        stretches_(stretches),
        generation_(generation),
        role_(role) {
    refill();
  }

  void refill() override {
    next_ = count_ = 0;
    while (count_ == 0 && !stretches_.empty()) {
      read(stretches_.front());
      stretches_ = stretches_.subspan(1);
    }
  }

 private:
  void read(const FoundRows::Stretch& stretch) {
    const RowSlots slots = found_.slots_of(stretch, generation_);
    const std::uint16_t* const person = stretch.run->person.data() + stretch.first;
    stretch.run->time.read(stretch.first, std::span(keys_).first(stretch.count));
    for (std::uint32_t i = 0; i < stretch.count; ++i) keys_[i] = key_of(keys_[i], role_);
    if (stretch.mask == everyone_of(slots)) {
      count_ = stretch.count;
      std::copy_n(person, count_, people_.begin());
      return;
    }
    for_each_bit(stretch.mask, [&](std::uint32_t i) {
      keys_[count_] = keys_[i];
      people_[count_++] = person[i];
    });
  }

  const FoundRows& found_;
  std::span<const FoundRows::Stretch> stretches_;
  const index::Generation& generation_;
  std::size_t role_;
};

// Those of two sources.
class Merge final : public Source {
 public:
  Merge(std::unique_ptr<Source> a, std::unique_ptr<Source> b)
      : Source(a->rows() + b->rows()), a_(std::move(a)), b_(std::move(b)) {
    refill();
  }

  void refill() override {
    next_ = count_ = 0;
    while (count_ < kSlotsMax && a_->left() > 0 && b_->left() > 0) merge();
    while (count_ < kSlotsMax && a_->left() > 0) copy(*a_);
    while (count_ < kSlotsMax && b_->left() > 0) copy(*b_);
  }

 private:
  // Which one is first cannot be foretold: so there is no branch for it.
  void merge() {
    const std::int64_t *const a_keys = a_->keys(), *const b_keys = b_->keys();
    const std::uint16_t *const a_people = a_->people(), *const b_people = b_->people();
    const std::uint32_t a_left = a_->left(), b_left = b_->left();
    std::uint32_t i = 0, j = 0, out = count_;
    while (i < a_left && j < b_left && out < kSlotsMax) {
      const std::int64_t a_key = a_keys[i], b_key = b_keys[j];
      const std::uint16_t a_who = a_people[i], b_who = b_people[j];
      const bool is_b = b_key < a_key;
      keys_[out] = is_b ? b_key : a_key;
      people_[out++] = is_b ? b_who : a_who;
      j += is_b;
      i += !is_b;
    }
    count_ = out;
    a_->pop(i);
    b_->pop(j);
  }

  void copy(Source& from) {
    const std::uint32_t count = std::min(kSlotsMax - count_, from.left());
    std::copy_n(from.keys(), count, keys_.begin() + count_);
    std::copy_n(from.people(), count, people_.begin() + count_);
    count_ += count;
    from.pop(count);
  }

  std::unique_ptr<Source> a_, b_;
};

// All in one: small ones are merged first, so that most events are compared once or twice.
// Requires one at least.
std::unique_ptr<Source> merged(std::vector<std::unique_ptr<Source>> sources) {
  const auto is_larger = [](const auto& a, const auto& b) { return a->rows() > b->rows(); };
  while (sources.size() > 1) {
    std::sort(sources.begin(), sources.end(), is_larger);
    auto a = std::move(sources.back());
    sources.pop_back();
    auto b = std::move(sources.back());
    sources.back() = std::make_unique<Merge>(std::move(a), std::move(b));
  }
  return std::move(sources[0]);
}

// One of the moments that a person has, or one that is everybody's.
struct Moment {
  std::uint32_t at = 0;            // In the moments of a person, or behind those of all people.
  std::uint32_t of_person = 0;     // All bits set, or none.
};

// What an event of one kind means: a chain that ended in `before`, at most `within` ago and not
// before `between`, is longer by one in `after`. A first step finds a chain always; what must not
// stand between two steps does, too.
struct Role {
  Moment before, between, after;
  TimeMs within = BoundStep::kForever;
};

class Streamer {
 public:
  Streamer(const BoundSequence& sequence, const index::Generation& generation, std::uint32_t block,
           SequenceStream::Memory& memory)
      : sequence_(sequence), generation_(generation), block_(block), moments_(memory.moments) {}

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>(index::kBlockSize / 64, 0)};
    const bool has_all = open_all();
    answer.failed = failed_;
    if (failed_ || !has_all) return answer;
    // Behind those of the people: a moment that every chain may begin at, and one that never was.
    moments_.assign(std::size_t{stride_} * index::kBlockSize, kNever);
    moments_.push_back(kAlways);
    moments_.push_back(kNever);
    const auto events = merged(std::move(sources_));
    while (events->left() > 0) {
      apply(*events);
      events->pop(events->left());
    }
    for (std::uint32_t who = 0; who < index::kBlockSize; ++who) {
      const TimeMs done = moments_[std::size_t{who} * stride_ + done_];
      if (done != kNever) set_bit(answer.bits, who);
    }
    return answer;
  }

 private:
  Moment of_person(std::size_t number) const {
    return {.at = static_cast<std::uint32_t>(number), .of_person = ~std::uint32_t{0}};
  }
  Moment always() const { return {.at = stride_ * index::kBlockSize, .of_person = 0}; }
  Moment never() const { return {.at = stride_ * index::kBlockSize + 1, .of_person = 0}; }

  // At one moment, what comes later in the sequence is looked at first: it must not follow what
  // happened at the same time. What must not stand between comes last for the same reason.
  // Returns false when some step has no events.
  bool open_all() {
    const auto& steps = sequence_.steps;
    const auto count = static_cast<std::uint32_t>(steps.size());
    std::vector<std::uint32_t> between(count, 0);
    stride_ = count;
    for (std::uint32_t i = 1; i < count; ++i) {
      if (steps[i].without) between[i] = stride_++;
    }
    done_ = count - 1;
    for (std::uint32_t i = count; i-- > 0;) {
      const Role role{.before = i > 0 ? of_person(i - 1) : always(),
                      .between = between[i] != 0 ? of_person(between[i]) : never(),
                      .after = of_person(i),
                      .within = i > 0 ? limit(i) : BoundStep::kForever};
      if (!open(role, steps[i].events)) return false;
    }
    for (std::uint32_t i = 1; i < count; ++i) {
      if (between[i] == 0) continue;
      open({.before = always(), .between = never(), .after = of_person(between[i])},
           *steps[i].without);
    }
    return true;
  }

  // Returns whether there are any events.
  bool open(const Role& role, const BoundStepEvents& events) {
    rows_.push_back(std::make_unique<FoundRows>());
    const FoundRows& rows = *rows_.back();
    const PeopleRange people{.block = block_, .first = 0, .count = index::kBlockSize};
    const bool is_exact = rows_.back()->find(*events.taken, generation_, people,
                                             [](std::size_t, const auto&, auto&, auto&) {});
    failed_ = failed_ || !is_exact;
    const std::size_t before = sources_.size();
    std::span<const FoundRows::Stretch> left = rows.stretches();
    while (!left.empty()) {
      const auto is_other = [&](const FoundRows::Stretch& stretch) {
        return stretch.run != left[0].run || stretch.source != left[0].source;
      };
      const auto end = std::find_if(left.begin(), left.end(), is_other);
      const auto count = static_cast<std::size_t>(end - left.begin());
      auto stream = std::make_unique<Stream>(rows, left.first(count), generation_, roles_.size());
      if (stream->left() > 0) sources_.push_back(std::move(stream));
      left = left.subspan(count);
    }
    roles_.push_back(role);
    return sources_.size() > before;
  }

  void apply(const Source& events) {
    TimeMs* const moments = moments_.data();
    const Role* const roles = roles_.data();
    const std::uint32_t stride = stride_;
    const auto moment = [&](const Moment& one, std::uint32_t person) -> TimeMs& {
      return moments[one.at + (person & one.of_person)];
    };
    const std::int64_t* const keys = events.keys();
    const std::uint16_t* const people = events.people();
    const std::uint32_t count = events.left();
    for (std::uint32_t i = 0; i < count; ++i) {
      const Role& role = roles[role_of(keys[i])];
      const TimeMs time = time_of(keys[i]);
      const std::uint32_t person = people[i] * stride;
      const TimeMs earliest = std::max(time - role.within, moment(role.between, person));
      TimeMs& after = moment(role.after, person);
      after = moment(role.before, person) >= earliest ? time : after;
    }
  }

  // Between the step before and this one.
  TimeMs limit(std::size_t step) const {
    const TimeMs own = sequence_.steps[step].within;
    return sequence_.steps.size() == 2 ? std::min(own, sequence_.within) : own;
  }

  const BoundSequence& sequence_;
  const index::Generation& generation_;
  std::uint32_t block_;
  std::vector<std::unique_ptr<FoundRows>> rows_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Role> roles_;
  std::vector<TimeMs>& moments_;  // Of each person: by step when a chain has last ended, then
                                  // when what must not stand between was last.
  std::uint32_t stride_ = 0;      // Of a person.
  std::uint32_t done_ = 0;        // The moment of the last step.
  bool failed_ = false;
};

}  // namespace

bool SequenceStream::takes(const BoundSequence& sequence, std::uint32_t block) {
  if (sequence.steps.size() > 2 && sequence.within < BoundStep::kForever) return false;
  // A run that is merged takes 10 KiB, and as much again.
  constexpr std::size_t kRunsMax = 256;
  std::size_t runs = 0;
  const auto is_taken = [&](const BoundStepEvents& events) {
    for (const EventSource& source : events.taken->sources) {
      const index::EventBlock* const own = source.table->block(block);
      if (own != nullptr) runs += own->runs.size();
    }
    return events.filters.empty() && !events.taken->grouping && runs <= kRunsMax;
  };
  return std::all_of(sequence.steps.begin(), sequence.steps.end(), [&](const BoundStep& step) {
    return is_taken(step.events) && (!step.without || is_taken(*step.without));
  });
}

SequenceAnswer SequenceStream::answer(const BoundSequence& sequence,
                                      const index::Generation& generation, std::uint32_t block) {
  return Streamer(sequence, generation, block, memory_).answer();
}

}  // namespace muster::query
