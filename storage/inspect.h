// What stands in a data directory, and whether it is sound: for `muster inspect`.
//
// Reads everything, writes nothing and takes no lock, so it may run beside a server. It prints
// kinds, counts, sizes and times; no identifier or value of a person.
//
// Thread safety: any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "storage/keyring.h"

namespace muster::storage {

enum class InspectForm {
  Text,    // For a person.
  Ndjson,  // For a program: one object per structure, each with a "structure".
};

struct Inspection {
  std::string report;
  bool sound = true;  // False: the report names what is damaged, and where.
};

// Cost: one pass over the log, every record decoded and checked.
// Errors: those of RocksLog::open that are about the directory; damage of what stands in it is no
// error, but a finding in the report.
// `keys`: what the data are encrypted with, or null.
Result<Inspection> inspect(const std::filesystem::path& directory, InspectForm form,
                           const std::shared_ptr<const Keyring>& keys = {});

}  // namespace muster::storage
