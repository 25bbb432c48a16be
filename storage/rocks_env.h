// RocksDB's files, encrypted (storage/keyring.h).
//
// Thread safety: any thread.
#pragma once

#include <memory>

#include "storage/keyring.h"

namespace rocksdb {
class Env;
}

namespace muster::storage {

// An environment in which every file begins with a page that has the cipher's head, and the rest is
// encrypted; outlives each database that was opened in it.
std::shared_ptr<rocksdb::Env> encrypted_env(std::shared_ptr<const Keyring> keys);

}  // namespace muster::storage
