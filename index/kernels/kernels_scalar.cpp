// The scalar kernel set. The file is compiled without machine flags: each function asks for its
// instructions by attribute, so that no inline function of a shared header is ever emitted with
// instructions the processor may lack.
#include <cstring>

#include "index/kernels/sets.h"

#define MUSTER_TARGET [[gnu::target("popcnt"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

#include "index/kernels/counter_loops.h"
#include "index/kernels/counter_range_loop.h"
#include "index/kernels/plain_loops.h"

}  // namespace

const Kernels kScalarKernels{.name = "scalar",
                             .count = count,
                             .and_count = and_count,
                             .andnot_count = andnot_count,
                             .and_write = and_write,
                             .or_write = or_write,
                             .andnot_write = andnot_write,
                             .add_planes = add_planes,
                             .counts_within = counts_within};

}  // namespace muster::index
