// What is probably not meant: clauses that decide nothing, and people lost to missing values.
#include <set>
#include <unordered_set>

#include "query/language/language.h"
#include "query/plan/bound.h"

namespace muster::query {
namespace {

// Warnings of one segment: enough to act on.
constexpr std::size_t kWarningsMax = 20;

class Warner {
 public:
  explicit Warner(const BoundQuery& query) : query_(query) {}

  std::vector<std::string> all() {
    for (const std::string& sentence : query_.warnings) say(sentence);
    for (const auto& [name, trait] : query_.traits) judge_name(name);
    visit(*query_.tree);
    if (!said_constant_) judge_whole();
    return std::move(found_);
  }

 private:
  void say(const std::string& sentence) {
    if (found_.size() < kWarningsMax && said_.insert(sentence).second) found_.push_back(sentence);
  }

  void judge_name(const std::string& name) {
    if (query_.generation->profiles.attributes.contains(name)) {
      say("'" + name + "' is a trait and an attribute, too; the trait is meant");
    }
  }

  void visit(const BoundNode& node) {
    if (!seen_.insert(&node).second) return;
    judge_constant(node);
    judge_missing(node);
    for (const BoundNodePtr& child : node.children) visit(*child);
    if (node.kind == BoundKind::Top) visit(*node.among->tree);
  }

  void say_constant(const BoundNode& node, bool always) {
    if (!node.source) return;
    said_constant_ = true;
    say("'" + print(node.source) + "' is " + (always ? "always true" : "never true"));
  }

  void judge_constant(const BoundNode& node) {
    const bool is_wanted = node.source && (node.source->kind == NodeKind::Everyone ||
                                           node.source->kind == NodeKind::Nobody);
    if (is_wanted) return;
    if (node.kind == BoundKind::Nobody || node.kind == BoundKind::Everyone) {
      say_constant(node, node.kind == BoundKind::Everyone);
    }
    if (node.kind != BoundKind::AggregateTest) return;
    RangeSet possible = node.ranges;
    const bool is_count = node.aggregate->kind == AggregateKind::Count ||
                          node.aggregate->kind == AggregateKind::Distinct;
    if (is_count) possible = possible.intersect(RangeSet::at_least(0));
    if (possible.empty() || node.aggregate->from > node.aggregate->to) {
      if (possible.empty() || !possible.contains(0)) say_constant(node, false);
    } else if (is_count && possible.ranges().size() == 1 && possible.ranges()[0].low == 0 &&
               possible.ranges()[0].high >= kWideMax) {
      say_constant(node, true);
    }
  }

  // People who are out of a comparison only because they have no value.
  void judge_missing(const BoundNode& node) {
    if (node.kind == BoundKind::Top) return judge_unranked(*node.operands[0]);
    const bool is_comparison = node.kind == BoundKind::FieldTest;
    if (!is_comparison || !node.field->attribute || !node.source || node.field->lookup) return;
    if (node.source->kind == NodeKind::PresenceTest) return;
    const std::uint64_t people = query_.generation->profiles.live.count();
    const std::uint64_t known = node.field->attribute->count();
    if (known >= people) return;
    say(std::to_string(people - known) + " of " + std::to_string(people) +
        " profiles have no '" + node.field->name + "' and are out of '" + print(node.source) +
        "' for that alone");
  }

  void judge_unranked(const BoundValue& value) {
    if (value.kind != BoundValueKind::Field || !value.field->attribute || value.field->lookup) {
      return;
    }
    const std::uint64_t people = query_.generation->profiles.live.count();
    const std::uint64_t known = value.field->attribute->count();
    if (known >= people) return;
    say(std::to_string(people - known) + " of " + std::to_string(people) + " profiles have no '" +
        value.field->name + "' and are not ranked");
  }

  void judge_whole() {
    const NodeKind kind = query_.tree->source ? query_.tree->source->kind : NodeKind::Everyone;
    if (kind == NodeKind::Everyone || kind == NodeKind::Nobody) return;
    if (query_.plan->kind == BoundKind::Nobody) say("the segment is never true");
    if (query_.plan->kind == BoundKind::Everyone) say("the segment is true for everyone");
  }

  const BoundQuery& query_;
  std::vector<std::string> found_;
  std::set<std::string> said_;
  std::unordered_set<const BoundNode*> seen_;
  bool said_constant_ = false;
};

}  // namespace

std::vector<std::string> warnings(const BoundQuery& query) { return Warner(query).all(); }

}  // namespace muster::query
