// The fewest changes, clause by clause: all clauses of an `and` have to be brought to hold, of an
// `or` the one that takes the fewest; of what is to be out, the other way round.
#include "query/flip.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "query/flip/leaf_changes.h"
#include "query/flip/what_if.h"
#include "query/language/language.h"
#include "query/plan/bound.h"
#include "query/plan/resolver.h"

namespace muster::query {
namespace {

using Changes = std::vector<Change>;

// Times that what was found is mended where clauses got in each other's way.
constexpr int kRoundsMax = 4;
constexpr std::size_t kNever = std::numeric_limits<std::uint32_t>::max();

// How a clause is brought to where it is wanted.
struct Way {
  std::optional<Changes> changes;  // Nothing: none was found.
  std::size_t fewest = 0;          // No way takes fewer changes; kNever: there is none.
  // What the changes of any way are about: attributes, names of events, lists.
  std::set<std::string> subjects;
};

bool overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  const bool any_event = a.contains("event *") || b.contains("event *");
  const auto is_event = [](const std::string& subject) { return subject.starts_with("event "); };
  if (any_event && std::any_of(a.begin(), a.end(), is_event) &&
      std::any_of(b.begin(), b.end(), is_event)) {
    return true;
  }
  return std::any_of(a.begin(), a.end(), [&](const auto& one) { return b.contains(one); });
}

// The `count` cheapest ways together.
Way together(std::vector<Way> ways, std::size_t count) {
  Way all{.changes = Changes{}, .fewest = 0, .subjects = {}};
  bool is_shared = false;
  for (const Way& way : ways) {
    is_shared = is_shared || overlap(all.subjects, way.subjects);
    all.subjects.insert(way.subjects.begin(), way.subjects.end());
  }
  std::sort(ways.begin(), ways.end(),
            [](const Way& a, const Way& b) { return a.fewest < b.fewest; });
  for (std::size_t i = 0; i < count; ++i) {
    // One change may do for several clauses that ask about the same.
    all.fewest = is_shared ? std::max(all.fewest, ways[i].fewest)
                           : std::min(kNever, all.fewest + ways[i].fewest);
  }
  std::stable_sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) {
    return (a.changes ? a.changes->size() : kNever) < (b.changes ? b.changes->size() : kNever);
  });
  for (std::size_t i = 0; i < count; ++i) {
    if (!ways[i].changes) {
      all.changes = std::nullopt;
      break;
    }
    for (const Change& change : *ways[i].changes) {
      // The same thing is not taken back twice.
      const bool is_known = change.kind != ChangeKind::AddEvent &&
                            std::find(all.changes->begin(), all.changes->end(), change) !=
                                all.changes->end();
      if (!is_known) all.changes->push_back(change);
    }
  }
  return all;
}

std::set<std::string> subjects_of(const Hints& hints, const index::Generation& generation) {
  std::set<std::string> subjects;
  for (const Path& path : hints.paths) subjects.insert(attribute_read(path, generation));
  for (const NodePtr& condition : hints.objects) subjects.insert(joined(condition->path));
  for (const EventUse& use : hints.uses) {
    if (use.events.any_event) subjects.insert("event *");
    for (const std::string& name : use.events.names) subjects.insert("event " + name);
  }
  for (const std::string& list : hints.lists) subjects.insert("list " + list);
  return subjects;
}

std::set<std::string> subjects_of(const Changes& changes) {
  std::set<std::string> subjects;
  for (const Change& change : changes) {
    const bool is_list = change.kind == ChangeKind::JoinList ||
                         change.kind == ChangeKind::LeaveList;
    const bool is_event = change.kind == ChangeKind::AddEvent ||
                          change.kind == ChangeKind::RemoveEvent;
    subjects.insert(is_event ? "event " + change.event.name
                             : (is_list ? "list " : "") + change.name);
  }
  return subjects;
}

index::PersonRecord changed(index::PersonRecord person, const Changes& changes) {
  for (const Change& change : changes) apply(change, person);
  return person;
}

// A clause, and the zone of its segment.
struct Clause {
  NodePtr node;
  Zone zone;
};

class Solver {
 public:
  Solver(const BindContext& context, index::Ordinal ordinal, const Budget& budget)
      : what_if_(context, budget), context_(context), ordinal_(ordinal) {}

  // Nothing: it could not be asked.
  std::optional<bool> holds(const Clause& clause, const index::PersonRecord& person) {
    const Node& node = *clause.node;
    if (!is_combined(node)) return leaf_holds(clause, person);
    std::size_t passed = 0;
    const std::vector<Clause> parts = parts_of(clause);
    for (const Clause& part : parts) {
      const auto one = holds(part, person);
      if (!one) return std::nullopt;
      passed += *one ? 1 : 0;
    }
    return node.kind == NodeKind::Not ? passed == 0 : passed >= needed(node, parts.size());
  }

  // How the clause of that person comes to be as wanted.
  Way way(const Clause& clause, bool wanted, const index::PersonRecord& person) {
    if (holds(clause, person) == wanted) return {.changes = Changes{}, .fewest = 0, .subjects = {}};
    const Node& node = *clause.node;
    if (!is_combined(node)) return leaf_way(clause, wanted, person);
    const std::vector<Clause> parts = parts_of(clause);
    if (node.kind == NodeKind::Not) return way(parts[0], !wanted, person);
    std::vector<Way> ways;
    std::size_t as_wanted = 0;
    for (const Clause& part : parts) {
      if (holds(part, person) == wanted) {
        ++as_wanted;
      } else {
        ways.push_back(way(part, wanted, person));
      }
    }
    const std::size_t needs = needed(node, parts.size());
    const std::size_t target = wanted ? needs : parts.size() - needs + 1;
    if (target <= as_wanted || target - as_wanted > ways.size()) return unknown(clause);
    return together(std::move(ways), target - as_wanted);
  }

  const std::vector<std::string>& obstacles() const { return obstacles_; }
  bool is_spent() const { return what_if_.is_spent(); }
  // Whether somebody's rank, which is held still here, hangs on what the changes change.
  bool moves_ranks(const Changes& changes) const {
    return overlap(subjects_of(changes), subjects_ranked_);
  }

 private:
  static bool is_combined(const Node& node) {
    switch (node.kind) {
      case NodeKind::And:
      case NodeKind::Or:
      case NodeKind::Not:
      case NodeKind::AtLeast:
      case NodeKind::InSegment: return true;
      default: return false;
    }
  }

  // How many parts have to hold.
  static std::size_t needed(const Node& node, std::size_t parts) {
    if (node.kind == NodeKind::AtLeast) return static_cast<std::size_t>(node.count);
    return node.kind == NodeKind::Or ? 1 : parts;
  }

  std::vector<Clause> parts_of(const Clause& clause) const {
    const Node& node = *clause.node;
    if (node.kind == NodeKind::InSegment) {
      const auto segment =
          context_.segment(node.text, static_cast<std::uint64_t>(node.version));
      if (!segment) return {{std::make_shared<const Node>(Node{.kind = NodeKind::Nobody}), {}}};
      return {{segment->tree, segment->zone}};
    }
    std::vector<Clause> parts;
    for (const NodePtr& child : node.children) parts.push_back({child, clause.zone});
    return parts;
  }

  Filling filling(const Clause& clause, const index::PersonRecord& person) {
    return {.what_if = what_if_, .person = person, .clock = {context_.now, clause.zone}};
  }

  std::optional<bool> leaf_holds(const Clause& clause, const index::PersonRecord& person) {
    const Hints hints = hints_of(clause.node, context_);
    if (!hints.has_ranks) return what_if_.holds(clause.node, clause.zone, person);
    const auto subjects = subjects_of(hints, *context_.generation);
    subjects_ranked_.insert(subjects.begin(), subjects.end());
    const auto [known, is_new] =
        ranks_.try_emplace({print(clause.node), clause.zone.name()}, std::nullopt);
    if (is_new) known->second = real_person_holds(clause);
    return known->second;
  }

  // Ranks are those of the real person; each ranks everybody, once.
  std::optional<bool> real_person_holds(const Clause& clause) const {
    if (what_if_.is_spent()) return std::nullopt;
    BindContext own = context_;
    own.zone = clause.zone;
    const auto bound = query::bind(clause.node, own);
    if (!bound) return std::nullopt;
    const auto answer = contains(**bound, ordinal_, what_if_.budget());
    return answer ? std::optional(*answer) : std::nullopt;
  }

  Way leaf_way(const Clause& clause, bool wanted, const index::PersonRecord& person) {
    const Hints hints = hints_of(clause.node, context_);
    switch (clause.node->kind) {
      case NodeKind::Everyone:
      case NodeKind::Nobody: return never(clause, "says the same of everybody");
      case NodeKind::Sample: return never(clause, "hangs on their id alone");
      default: break;
    }
    if (hints.has_ranks) return unknown(clause, "hangs on other people, too");
    Way way{.changes = std::nullopt, .fewest = 1,
            .subjects = subjects_of(hints, *context_.generation)};
    auto found = leaf_changes(clause.node, wanted, hints, filling(clause, person));
    if (!found) {
      obstacles_.push_back("no change was found that flips '" + print(clause.node) + "'");
      return way;
    }
    if (found->are_fewest) way.fewest = found->changes.size();
    way.changes = std::move(found->changes);
    return way;
  }

  Way never(const Clause& clause, const std::string& why) {
    Way way = unknown(clause, why);
    way.fewest = kNever;
    return way;
  }

  Way unknown(const Clause& clause, const std::string& why = "cannot be asked") {
    obstacles_.push_back("it cannot be flipped by '" + print(clause.node) + "', which " + why);
    return {.changes = std::nullopt, .fewest = 1, .subjects = {}};
  }

  WhatIf what_if_;
  const BindContext& context_;
  const index::Ordinal ordinal_;
  std::vector<std::string> obstacles_;
  std::set<std::string> subjects_ranked_;  // What clauses over ranks are about.
  // What those clauses say of the real person, by text and zone.
  std::map<std::pair<std::string, std::string>, std::optional<bool>> ranks_;
};

// Leaves out what is not needed.
void drop_idle(Solver& solver, const Clause& clause, bool wanted,
               const index::PersonRecord& person, Changes& changes) {
  for (std::size_t i = 0; changes.size() > 1 && i < changes.size();) {
    Changes fewer = changes;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    // An event that was added may be one that a later change takes away again.
    const bool can_be_applied = std::none_of(fewer.begin(), fewer.end(), [](const Change& change) {
      return change.kind == ChangeKind::RemoveEvent;
    }) || changes[i].kind != ChangeKind::AddEvent;
    if (can_be_applied && solver.holds(clause, changed(person, fewer)) == wanted) {
      changes = std::move(fewer);
    } else {
      ++i;
    }
  }
}

Flip none(const Solver& solver) {
  Flip flip;
  if (solver.is_spent()) {
    flip.unknown = "finding a change takes longer than is allowed";
  } else if (!solver.obstacles().empty()) {
    flip.unknown = solver.obstacles().front();
  } else {
    flip.unknown = "its clauses get in each other's way: no change of all was found";
  }
  return flip;
}

}  // namespace

Result<Flip> flip(const NodePtr& tree, const BindContext& context, index::Ordinal ordinal,
                  const Budget& budget) {
  const auto person = index::person_record(*context.generation, ordinal);
  if (!person) {
    return Flip{.changes = {}, .is_minimal = false,
                .unknown = "it is looked for only where a person has at most " +
                           std::to_string(index::kEventsOfRecordMax) + " events"};
  }
  Solver solver(context, ordinal, budget);
  const Clause whole{tree, context.zone};
  const auto now = solver.holds(whole, *person);
  if (!now) return none(solver);
  Changes changes;
  std::size_t fewest = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    const Way way = solver.way(whole, !*now, changed(*person, changes));
    if (round == 0) fewest = way.fewest;
    if (!way.changes || way.changes->empty()) return none(solver);
    changes.insert(changes.end(), way.changes->begin(), way.changes->end());
    if (solver.holds(whole, changed(*person, changes)) != !*now) continue;
    drop_idle(solver, whole, !*now, *person, changes);
    if (solver.moves_ranks(changes)) {
      return Flip{.changes = {}, .is_minimal = false,
                  .unknown = "what would have to change moves ranks, which hang on other people"};
    }
    const bool is_minimal = changes.size() == 1 || changes.size() <= fewest;
    return Flip{.changes = std::move(changes), .is_minimal = is_minimal, .unknown = ""};
  }
  return none(solver);
}

}  // namespace muster::query
