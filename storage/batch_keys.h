// The keys of a log's data batches: given out one by one, and destroyed with what they sealed.
//
// Keys are made ahead, some hundred with one sync, so an append waits for none. What a process did
// not give out is given out by none after it.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/key_slots.h"
#include "storage/sealed_record.h"

namespace muster::storage {

class BatchKeys {
 public:
  // Errors: those of KeySlots::open.
  static Result<std::unique_ptr<BatchKeys>> open(const std::filesystem::path& file,
                                                 const Keyring& keys, LogAccess access);

  // Held while records are sealed and written, so that used() knows of them or gives out their
  // slots later.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
  // The record as it is to be written.  Requires hold().
  // Errors: those of the file.
  Result<std::string> sealed(std::string_view record);
  // Requires hold().
  std::uint64_t next() const { return next_; }

  // Destroys keys; on the disk when this returns.
  Status destroy(std::span<const std::uint64_t> slots);
  // By slot: destroys those that are not `used`; a crash came before.
  Status destroy_others(const std::vector<bool>& used);

  // Seals the file anew (KeySlots::rewrap).
  Status rewrap(const Keyring& keys, const KeySlots::Rest& rest) {
    return slots_->rewrap(keys, rest);
  }
  const KeySlots& slots() const { return *slots_; }

 private:
  explicit BatchKeys(std::unique_ptr<KeySlots> slots)
      : slots_(std::move(slots)), next_(slots_->size()) {}

  std::mutex mutex_;  // Guards next_ and reader_.
  const std::unique_ptr<KeySlots> slots_;
  std::uint64_t next_;
  std::unique_ptr<KeySlots::Reader> reader_;
};

}  // namespace muster::storage
