// Who is in each saved segment, kept exact commit by commit and as the clock goes.
//
// Segments are and, or and not over conditions that they share (engine/standing/conditions.h).
// With every commit the conditions say who flipped, of those whom it touched or whom the clock
// moved; for these the segments with such a condition are worked out as it was and as it is, up to
// 1,024 people at a time to whom the same happened, from bits alone. Whoever's answer is another
// one entered or left. Nobody else is looked at. The members are a function of data, definitions
// and the moment, so that a start asks once for everybody and goes on.
// Some segments go otherwise:
//   ranked (tile, top): one change moves others; asked as a whole by keep_up(), within a second
//   beyond (it calculates with now, anniversaries, times of events): the touched at once, those
//     whom the clock moves by keep_up()
//   failing (one of its conditions fails for somebody, by an overflow): asked as a whole likewise
//   broken (a field that it names is gone): nobody is in it
// Thread safety: one thread at a time, but for empty() and what readers have.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/standing/conditions.h"
#include "engine/standing/group_maker.h"
#include "engine/standing/member_set.h"
#include "engine/standing/shape.h"
#include "engine/standing/upkeep_cost.h"
#include "index/generation.h"
#include "index/touched.h"
#include "query/standing.h"
#include "storage/record.h"

namespace muster::engine {

// How many are in a saved segment, as its upkeep knows it.
struct SegmentSize {
  std::uint64_t version = 0;  // Of the segment.
  std::uint64_t members = 0;
  std::uint64_t entered = 0, left = 0;  // Since this process began.
  TimeMs as_of = 0;                     // When it became so.
  std::string failure;                  // Why nobody is in it; "" unless it is broken.
};

class StandingSegments {
 public:
  using Generation = std::shared_ptr<const index::Generation>;
  using Groups = std::vector<storage::MembershipGroup>;
  // Who was in segments by what has been told of them, given who is.
  using Members = std::map<std::string, index::Bitmap>;
  using Told = std::function<Members(const Members& segments)>;

  StandingSegments(const BindingContext& context, unsigned threads)
      : context_(context), threads_(threads), conditions_(context, threads) {}

  // Asks all saved segments as of `at`. `told_size` says how many are in a segment by what was
  // told; where that differs, and of segments that are asked as a whole, `told` says who, and the
  // next update() tells the difference.
  // Cost: every segment for everybody; `told` at most once.
  void fill(const Generation& generation, TimeMs at,
            const std::function<std::uint64_t(const std::string& segment)>& told_size,
            const Told& told);

  // Whether there is nothing to keep.  Any thread.
  bool empty() const { return is_empty_; }
  TimeMs at() const { return at_; }
  // The clock goes on.  Requires empty().
  void skip_to(TimeMs now) { at_ = std::max(at_.load(), now); }

  // Brings all of them to this state and moment. Returns who entered and left.
  // Cost: those whom the commit touched and the clock moved, per segment that depends on them;
  // everybody for a segment that was saved or that names what was.
  Groups update(const Generation& generation, const index::Touched& touched, TimeMs now);

  // --- What update() cannot see ------------------------------------------------------------------

  // A segment that has to be asked as a whole now and then.
  struct Whole {
    std::string id;
    std::uint64_t version = 0;
    query::NodePtr tree;
    std::string timezone;
    bool is_ranked = false;
    index::Bitmap members;  // As known.
  };
  std::vector<Whole> wholes() const;
  // Who is in a segment by what has been told; nobody where there is none of that name.
  index::Bitmap told_of(const std::string& segment) const;
  // The members of such a segment, found at a state a moment ago; update() takes it from there.
  void found(const Whole& whole, index::Bitmap members);
  // It has no answer: nobody is in it until it has one again.
  void failed(const Whole& whole, const std::string& why);

  // --- For readers, from any thread --------------------------------------------------------------

  // All of them, by id; it does not change any more, and is never null.
  using Sizes = std::shared_ptr<const std::map<std::string, SegmentSize>>;
  Sizes sizes() const;
  std::optional<SegmentSize> size_of(const std::string& segment) const;
  // Time that the upkeep of each took by a second before the last change, since the start.
  std::map<std::string, std::chrono::nanoseconds> costs() const;
  // Somebody else worked for a segment.  Any thread.
  void add_cost(const std::string& segment, std::chrono::nanoseconds took);
  // Another number after each change of a size.
  std::uint64_t changes() const { return changes_; }
  // Bytes of members and of whom conditions hold for, as of a second before the last change.
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Standing {
    std::uint64_t version = 0;
    query::NodePtr tree;
    std::string timezone;
    std::string names;       // The versions of all that it names: another text, another meaning.
    query::Uses uses;
    bool is_ranked = false, is_beyond = false;
    std::string failure;     // Why it is broken; "" unless it is.
    bool is_asked = false;   // By the update under way, for everybody.
    bool is_failing = false;  // One of its conditions has no answers: asked as a whole.
    bool is_due = false;      // It begins or ends to be so.
    bool is_stale = false;   // What was told of it is not what it is.
    TimeMs retry_at = 0;     // When a broken one is asked again though no data came.
    Shape shape;             // Holds its conditions. Of a broken one: nobody.
    MemberSet members;
    std::uint64_t entered = 0, left = 0;
    std::optional<index::Bitmap> found;    // Of one asked as a whole, not yet taken.
    std::vector<index::Ordinal> suspects;  // Of one beyond: whom the clock seems to have moved.
    GroupMaker changes;                    // Of the update under way.
    std::uint32_t rank = 0;                // Among the segments, by id.
    double worked_out = 0;                 // 64 people each, since the cost was shared out.
    std::uint64_t settled = 0;             // The last round of people it was worked out for.
  };
  using Named = std::pair<const std::string, Standing>;

  // Takes the definitions of the state; those that say something else are asked anew, or all.
  void load(const StateAt& moment, bool is_everybody, Groups& groups);
  // What the document says, and nobody in it.
  std::optional<Standing> defined(const index::StoredDocument& document, const StateAt& moment);
  // Only what can be bound has a limit of its size, nested segments included.
  void give_shape(Standing& segment, const StateAt& moment);
  void take_shape(Standing& segment);
  void learn_kind(Standing& segment) const;
  bool has_failing(const Shape& shape) const;
  // After conditions began or ended to fail.
  void note_failing();
  // Binds it. Null where it is broken, which is noted.
  query::BoundQueryPtr bind(Standing& segment, const StateAt& moment) const;
  index::Bitmap members_of(Standing& segment, const StateAt& moment);
  index::Bitmap members_by_conditions(const Standing& segment, const StateAt& moment);
  void ask_everybody(const std::string& id, Standing& segment, storage::ChangeReason reason,
                     const StateAt& moment, Groups& groups);
  // Those that are not followed person by person: of all segments, or of the special ones.
  void ask_wholes(const index::Touched& touched, bool is_other_schema, bool are_all_asked,
                  const StateAt& moment, Groups& groups);
  void ask_whole(Named& named, const index::Touched& touched, bool is_other_schema,
                 const StateAt& moment, Groups& groups);
  // Whoever flipped at a condition is worked out for the segments with it.
  void settle(const TouchedPeople& why, const StateAt& moment, Groups& groups);
  class Settling;
  void index_segments();
  void replace(const std::string& id, Standing& segment, index::Bitmap members,
               storage::ChangeReason reason, Groups& groups);
  void drop_erased(const index::Touched& touched, Groups& groups);
  // Whom the clock seems to have moved; they are nobody's any more.
  std::vector<Conditions::Suspects> suspects();
  // To readers: of all, or of those that settling changed.
  void tell_sizes();
  void tell_changed_sizes();
  void weigh();
  void share_cost();

  const BindingContext context_;
  const unsigned threads_;
  std::map<std::string, Standing> segments_;  // By id.
  Conditions conditions_;
  // What follows from the definitions, while is_indexed_.
  bool is_indexed_ = false;
  std::vector<std::vector<Named*>> by_condition_;
  std::vector<Named*> special_;  // Those that an update has to look at in any case.
  std::vector<Standing*> asked_;  // As a whole, for the update under way.
  std::vector<Named*> changed_;  // By the settling under way.
  std::uint64_t failures_ = 0;   // Of the conditions, that have been noted.
  std::uint64_t round_ = 0;      // Of people who are settled.
  UpkeepCost cost_;
  // By condition; memory for those who are worked out.
  std::vector<MaskPair> masks_;
  std::vector<std::uint64_t> loaded_;              // The round for which masks_ has it.
  std::vector<const Cohort::Flips*> flips_;        // Of that round; null: nobody flipped.
  std::uint64_t schema_version_ = 0;  // With which the clock's part of them was worked out.
  std::atomic<TimeMs> at_ = 0;
  std::atomic<bool> is_empty_ = true;

  mutable std::mutex mutex_;  // Guards what follows.
  std::map<std::string, SegmentSize> current_;
  std::map<std::string, std::chrono::nanoseconds> costs_;
  mutable Sizes sizes_;  // A copy of current_; null: it is not up to date.
  std::atomic<std::uint64_t> changes_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::chrono::steady_clock::time_point weighed_;
};

}  // namespace muster::engine
