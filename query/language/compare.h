// Comparisons turned around.
#pragma once

#include "query/language/ast.h"

namespace muster::query {

// The comparison that says the same with its sides exchanged: 5 < x is x > 5.
inline Compare mirrored(Compare op) {
  switch (op) {
    case Compare::Less: return Compare::Greater;
    case Compare::LessEqual: return Compare::GreaterEqual;
    case Compare::Greater: return Compare::Less;
    case Compare::GreaterEqual: return Compare::LessEqual;
    case Compare::Equal:
    case Compare::NotEqual: break;
  }
  return op;
}

}  // namespace muster::query
