// A warning about `did not`: people who are in it because they are new.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "query/query.h"

namespace muster::engine {

// A sentence for each `did not ... WINDOW` that holds for people whose first event of all is
// within the window: they had no time to do it.  Of the first four such clauses.
// Cost: a count each; none is said once the budget is spent.
std::vector<std::string> newcomer_warnings(const query::NodePtr& tree,
                                           const query::BindContext& context,
                                           const query::Budget& budget, query::Parallel parallel);

}  // namespace muster::engine
