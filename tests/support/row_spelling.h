// The rows a test program is fed with: NDJSON through the product's decoder where it is linked,
// else private rows.
//
// Thread safety: any thread.
#pragma once

#include "tests/support/test_engine.h"

#ifdef MUSTER_WITH_LOADER
#include "loader/decoder.h"
#endif

namespace muster::testing {

inline RowSpelling default_rows() {
#ifdef MUSTER_WITH_LOADER
  static const loader::FileDecoder decoder;
  return {.decoder = &decoder, .write = to_ndjson};
#else
  return private_rows();
#endif
}

}  // namespace muster::testing
