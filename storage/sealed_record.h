// Records of data batches, each sealed with a key of its own: the key id of the record is the
// number of its slot in DIR/batch-keys, plus 1.
//
// So a batch that is rewritten or let go cannot be read any more, wherever a database, a disk or a
// copy of the log without the key file still has its bytes. Whoever reads a log gets the records as
// they were before. Sealed with AES-256-GCM; storage/format.md has every byte.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/key_slots.h"

namespace muster::storage {

// Whether the record is one that is sealed: a data batch.
bool is_to_be_sealed(std::string_view record);
// The slot of its key; nothing: it is not sealed, or too short to tell.
std::optional<std::uint64_t> slot_of_record(std::string_view record);
// Requires is_to_be_sealed(), and a key that nothing was sealed with before.
std::string seal_record(std::string_view record, std::uint64_t slot, std::string_view key);
// The record as it was; what is not sealed, or damaged, as it is.
// Errors: Corrupt, when its key was destroyed or it was not sealed so; those of the slots.
Result<std::string> open_record(std::string_view record, KeySlots::Reader& keys);

}  // namespace muster::storage
