// A disk whose syncs fail while somebody says so, for tests of this program alone.
//
// Thread safety: any thread; one FailingSync at a time.
#pragma once

namespace muster::storage {

// While it lives, fdatasync() fails with EIO, and what was written is there all the same.
class FailingSync {
 public:
  FailingSync();
  ~FailingSync();
  FailingSync(const FailingSync&) = delete;
  FailingSync& operator=(const FailingSync&) = delete;
};

}  // namespace muster::storage
