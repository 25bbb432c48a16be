// The files of an encrypted RocksDB database, written anew under the newest data key while it is
// read and written (storage/rocks_env.h).
//
// Thread safety: one rotation a database at a time; readers and the writer go on.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "base/result.h"
#include "storage/keyring.h"

namespace rocksdb {
class DB;
class Env;
class Status;
}

namespace muster::storage {

// Brings every file of the database to the newest key: what is in memory and the write-ahead file
// by a flush, notes of its own (MANIFEST, CURRENT, OPTIONS, IDENTITY) by new ones, sorted files one
// by one. Does nothing where none is under an older key, so an interrupted one goes on.
// `has_room`: asked before each piece.
// Requires that the database was opened with a manifest that is written anew with each change.
// Errors: those of `has_room`; Unavailable when `stop` is asked for, when RocksDB fails, and when a
// file is still read after half a minute, naming it.
// Cost: every file under an older key is read and written once, with as much rest between.
Status rewrite_database(rocksdb::DB& db, rocksdb::Env& env, const std::filesystem::path& directory,
                        const Keyring& keys, const std::function<Status()>& has_room,
                        const std::stop_token& stop);

// Deletes what the database does not need any more, write-ahead files of before the start too,
// which it looks for by itself every six hours.
// Errors: RocksDB's.
rocksdb::Status delete_old_files(rocksdb::DB& db);

}  // namespace muster::storage
