// Who is in each saved segment, kept exact commit by commit and as the clock goes.
//
// With every commit the people it touched, and those whom the clock moved since the one before,
// are asked again: a condition that many segments share once, 1,024 people of a block at a time
// (engine/standing/shape.h). Whoever's answer is another one entered or left. Nobody else is looked
// at. The members are a function of data, definitions and the moment, so that a start asks once
// for everybody and goes on.
// Three kinds of segments go otherwise:
//   ranked (tile, top): one change moves others; asked as a whole by keep_up(), within a second
//   beyond (it calculates with now, anniversaries, times of events): the touched at once, those
//     whom the clock moves by keep_up()
//   broken (a field that it names is gone): nobody is in it
// Thread safety: one thread at a time, but for empty() and what readers have.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/standing/member_set.h"
#include "engine/standing/shape.h"
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
  // What binds a definition of that time zone.
  using Context =
      std::function<query::BindContext(Generation generation, TimeMs now, const std::string& zone)>;
  // Who was in segments by what has been told of them.
  using Told = std::function<std::map<std::string, index::Bitmap>(
      const std::set<std::string>& segments)>;

  StandingSegments(Context context, unsigned threads)
      : context_(std::move(context)), threads_(threads) {}

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
  // The members of such a segment, found at a state a moment ago; update() takes it from there.
  void found(const Whole& whole, index::Bitmap members);

  // --- For readers, from any thread --------------------------------------------------------------

  // All of them, by id; it does not change any more, and is never null.
  using Sizes = std::shared_ptr<const std::map<std::string, SegmentSize>>;
  Sizes sizes() const;
  std::optional<SegmentSize> size_of(const std::string& segment) const;
  // Another number after each change of a size.
  std::uint64_t changes() const { return changes_; }

 private:
  struct Standing {
    std::uint64_t version = 0;
    query::NodePtr tree;
    std::string timezone;
    std::string names;       // The versions of all that it names: another text, another meaning.
    query::Uses uses;
    query::Clockwork clock;
    bool is_ranked = false;
    std::string failure;     // Why it is broken; "" unless it is.
    bool is_asked = false;   // By the update under way, for everybody.
    bool is_stale = false;   // What was told of it is not what it is.
    Shape shape;
    std::vector<std::uint32_t> leaves;  // Of the shape, each once.
    MemberSet members;
    std::uint64_t entered = 0, left = 0;
    std::optional<index::Bitmap> found;  // Of a ranked one, not yet taken.
    std::vector<index::Ordinal> suspects;  // Of one beyond: whom the clock seems to have moved.
  };
  // Why an answer is another one.
  struct Cause {
    storage::ChangeReason reason = storage::ChangeReason::Event;
    TimeMs time = 0;  // 0: when it became known.
  };
  // A segment to be asked about some people.
  struct Asked {
    const std::string* id = nullptr;
    Standing* segment = nullptr;
    std::function<Cause(index::Ordinal person)> cause;
  };
  struct Moment {
    Generation generation;
    TimeMs now = 0;
  };

  // Takes the definitions of the state; those that say something else are asked anew.
  void load(const Moment& moment, Groups& groups);
  std::optional<Standing> defined(const index::StoredDocument& document, const Moment& moment);
  void give_shape(Standing& segment, const Moment& moment);
  static void find(const index::Bitmap& before, Standing& segment, index::Bitmap members);
  // Shapes name leaves by number: those that nobody names any more go with all numbers.
  void renew_leaves(const Moment& moment);
  bool has_idle_leaves() const;
  // Binds it, and learns what moves it. Null where it is broken, which is noted.
  query::BoundQueryPtr bind(Standing& segment, const Moment& moment) const;
  index::Bitmap members_of(Standing& segment, const Moment& moment) const;
  void ask_everybody(const std::string& id, Standing& segment, storage::ChangeReason reason,
                     const Moment& moment, Groups& groups);
  // All of the segments about all of the people, who stand there in any order.
  void ask(std::vector<Asked> segments, std::vector<index::Ordinal> people, const Moment& moment,
           Groups& groups);
  void ask_touched(const index::Touched& touched, const Moment& moment, Groups& groups);
  void ask_moved(const Moment& moment, Groups& groups);
  void ask_suspects(const Moment& moment, Groups& groups);
  // Those that are asked person by person, and were not asked for everybody by this update.
  template <typename Visit>
  void for_each_open(const Visit& visit);
  void replace(const std::string& id, Standing& segment, index::Bitmap members,
               storage::ChangeReason reason, Groups& groups);
  void drop_erased(const index::Touched& touched, Groups& groups);
  void tell_sizes();

  const Context context_;
  const unsigned threads_;
  std::map<std::string, Standing> segments_;  // By id.
  Leaves leaves_;
  std::uint64_t schema_version_ = 0;  // With which the clock's part of them was worked out.
  std::atomic<TimeMs> at_ = 0;
  std::atomic<bool> is_empty_ = true;

  mutable std::mutex mutex_;  // Guards sizes_.
  Sizes sizes_ = std::make_shared<const std::map<std::string, SegmentSize>>();
  std::atomic<std::uint64_t> changes_ = 0;
};

}  // namespace muster::engine
