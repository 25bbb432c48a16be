// The kernel sets there are; dispatch.cpp alone chooses among them.
//
// Thread safety: immutable.
#pragma once

#include "index/kernels/kernels.h"

namespace muster::index {

extern const Kernels kScalarKernels;  // popcnt, present on every x86-64 since 2008.
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;  // Needs VPOPCNTDQ, BW and VL.

}  // namespace muster::index
