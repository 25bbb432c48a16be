// A copy of a data directory as of one record: what `muster backup` and `muster restore` make.
//
// A copy is a data directory of its own: log, watermark, and the newest checkpoint that it can use.
// Every record is read, checked and written anew, so that no damage is carried along; a server may
// write to the original meanwhile. Key files stay apart: whoever has a copy alone has no secret of
// a destination.
//
// Thread safety: any thread, one call a target.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.h"
#include "storage/keyring.h"

namespace muster::storage {

struct CopyRequest {
  std::filesystem::path from, to;  // `to` must not be there.
  // Key files, and the suppression file, of which the newer one counts: copied from one directory
  // to the other; empty: not at all.
  std::filesystem::path keys_from, keys_to;
  // What both are encrypted with; null: not at all. `to` has a keyring unless it is
  // `keyring_apart`, as a backup's is.
  std::shared_ptr<const Keyring> from_ring = {}, to_ring = {};
  bool keyring_apart = false;
  bool needs_suppression = false;  // Whether the copy is of no use without it, as a restored one.
  std::function<void(double share)> progress = {};
};

struct CopyDone {
  std::uint64_t record = 0;        // The last one it holds; 0: none.
  std::uint64_t bytes = 0;         // Of all records.
  std::uint64_t checkpoint = 0;    // The record of the checkpoint that was copied; 0: none.
  std::uint64_t destinations = 0;  // Whose secrets are sealed with secret.key.
  std::uint64_t erased = 0;        // How many erasures the suppression file has to have.
  bool keys = false;               // Whether key files were copied.
  bool suppression = false;        // Whether a suppression file was.
  bool encrypted = false;          // Whether the copy is.
};

// The copy has another name until it is whole and on the disk, so that `to` is never half a copy.
// Cost: one pass over the log, and one over the checkpoint.
// Errors: those of RocksLog; Corrupt naming the damaged record; InvalidArgument when `to` or
// `to`.partial is there, or when destinations need a secret.key that keys_from does not have;
// Corrupt when people were erased, and keys_from has no suppression file that knows them all.
Result<CopyDone> copy_store(const CopyRequest& request);

}  // namespace muster::storage
