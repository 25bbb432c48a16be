// The segment language's two lossless spellings and its canonical form.
//
// parse(print(tree)) == tree and from_json(to_json(tree)) == tree for every tree.
// Grammar: docs/segment-language.md. Thread safety: any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "query/language/ast.h"

namespace muster::query {

// Reads a segment text.
// Limits: kSegmentTextBytesMax, kNestingMax, kNodesMax; refused in time linear in the text read.
// Errors: InvalidArgument with line, column and what was expected; LimitExceeded.
Result<NodePtr> parse(std::string_view text);

// Reads a value expression alone, such as a trait is.  Limits and errors: as parse().
Result<NodePtr> parse_value(std::string_view text);

// The text of a tree on one line, with only the brackets it needs.
std::string print(const NodePtr& tree);

// The JSON spelling (docs/segment-language.md, "JSON").
std::string to_json(const NodePtr& tree);
// Errors: InvalidArgument naming the JSON pointer that does not fit; LimitExceeded.
Result<NodePtr> from_json(std::string_view json);
Result<NodePtr> value_from_json(std::string_view json);  // Of a value alone.

// The same meaning in one form: commutative children flattened, sorted and without repeats, double
// negation gone, constants in lowest terms (1.50 as 1.5, 24h as 1d). Equal sub-expressions of
// different segments become equal trees.
NodePtr canonical(const NodePtr& tree);
// Of the canonical form's text; stable across versions of the program.
Hash128 canonical_hash(const NodePtr& tree);

// Names of the segments of whom a tree asks who entered or left them, also by the name of the
// events that say so (base/system_names.h).
std::set<std::string> moved_segments(const NodePtr& tree);

// Names of all segments a tree refers to, those too, sorted, without repeats.
std::vector<std::string> referenced_segments(const NodePtr& tree);

// The paths ("a.b") that a tree asks people themselves about, not their events or the objects of
// lists: attributes and traits. Sorted, without repeats.
std::vector<std::string> referenced_fields(const NodePtr& tree);

}  // namespace muster::query
