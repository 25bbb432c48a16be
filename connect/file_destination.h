// A destination that is a directory: one file per batch, whole or not there.
//
//   ROOT/DIRECTORY/SYNC.run-3.add.msg_0f3a.ndjson     also .csv, .roaring; .gz behind where packed
//
// The operator names ROOT at the start; documents name folders in it, of plain names only, and no
// symbolic link is followed. A file is written under a temporary name, synced and renamed; the same
// batch makes the same file, so that an attempt that is made twice changes nothing.
// Thread safety: one thread at a time for a destination; any thread for the factory.
#pragma once

#include <memory>
#include <string>

#include "connect/destination.h"

namespace muster::connect {

// Makes destinations of both kinds: files itself, all others by `web`.
class KindFactory final : public DestinationFactory {
 public:
  // `root` "": no files are written.
  KindFactory(std::unique_ptr<DestinationFactory> web, std::string root)
      : web_(std::move(web)), root_(std::move(root)) {}
  // Errors: PermissionDenied for a file where the operator named no directory.
  Status check(const DestinationDocument& document) const override;
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override;

 private:
  std::unique_ptr<DestinationFactory> web_;
  std::string root_;
};

}  // namespace muster::connect
