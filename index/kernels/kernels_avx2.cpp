// The avx2 kernel set. The file is compiled without machine flags: each function asks for its
// instructions by attribute, so that no inline function of a shared header is ever emitted with
// instructions the processor may lack.
#include <immintrin.h>

#include <cstring>

#include "index/kernels/sets.h"

#define MUSTER_TARGET [[gnu::target("avx2,popcnt"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

#include "index/kernels/counter_loops.h"
#include "index/kernels/counter_range_avx2.h"
#include "index/kernels/plain_loops.h"

}  // namespace

const Kernels kAvx2Kernels{.name = "avx2",
                           .count = count,
                           .and_count = and_count,
                           .andnot_count = andnot_count,
                           .and_write = and_write,
                           .or_write = or_write,
                           .andnot_write = andnot_write,
                           .add_planes = add_planes,
                           .counts_within = counts_within};

}  // namespace muster::index
