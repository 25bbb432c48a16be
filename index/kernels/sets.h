// The kernel sets there are; dispatch.cpp alone chooses among them.
//
// Thread safety: immutable.
#pragma once

#include <algorithm>
#include <utility>

#include "index/kernels/kernels.h"

// Small functions of a set; MUSTER_TARGET is its target attribute.
#define MUSTER_INLINE MUSTER_TARGET inline __attribute__((always_inline))

// Every field of Kernels but its name, filled with the functions of the same names.
#define MUSTER_KERNEL_SET                                                                       \
  .count = count, .and_count = and_count, .andnot_count = andnot_count, .and_write = and_write, \
  .or_write = or_write, .andnot_write = andnot_write, .all_of = all_of, .any_of = any_of,       \
  .select_range = select_range, .select_codes = select_codes, .unpack = unpack,                 \
  .deposit = deposit, .intersect_arrays = intersect_arrays, .filter_in = filter_in,          \
  .filter_out = filter_out, .count_in = count_in, .members_of = members_of,                     \
  .add_planes = add_planes, .counts_within = counts_within

namespace muster::index {

extern const Kernels kScalarKernels;  // popcnt, present on every x86-64 since 2008.
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;        // F, BW, DQ, VL: Skylake servers and later.
extern const Kernels kAvx512PopcntKernels;  // And VPOPCNTDQ: Ice Lake, Zen 4 and later.

}  // namespace muster::index
