// What a condition mentions: the values that a change would have to reach or to avoid.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "query/query.h"

namespace muster::query {

// Events that a condition counts, adds up, looks for or forbids.
struct EventUse {
  Events events;
  NodePtr value;  // What is taken of each; null: the event itself.
};

struct Hints {
  std::vector<Literal> literals;       // Also the texts of text tests.
  std::vector<Window> windows;
  std::vector<TimeMs> spans;           // Lengths of `within`.
  std::vector<GeoPoint> points;        // Centres of `near`, and far away from them.
  std::vector<Path> paths;             // Of people.
  std::vector<EventUse> uses;          // One by one, those of sequences too.
  std::vector<NodePtr> sequences;
  std::vector<NodePtr> objects;        // QuantifiedWhere over lists of people.
  std::vector<std::string> lists;      // Static lists.
  bool has_date_parts = false;
  bool has_anniversaries = false;
  bool has_ranks = false;              // Tiles and tops: the others decide, too.
};

// Of a condition on people.  Traits are followed.
Hints hints_of(const NodePtr& condition, const BindContext& context);

// Adds the literals, windows and spans anywhere in a condition or value, whatever it is about.
void add_literals(const NodePtr& node, Hints& hints);

// Paths among events, or among the objects of a list, directly in a condition or a value.
std::vector<Path> paths_in(const NodePtr& node);

}  // namespace muster::query
