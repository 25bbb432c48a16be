// The last acknowledged number of a log, in a small file of its own.
//
//   watermark := slot, 4,080 zero bytes, slot, 4,080 zero bytes
//   slot      := number: u64 | crc: u32 (CRC-32C of the number's 8 bytes) | zero: u32
//
// The slots are written in turn, each in a sector of its own, so that a write which power cuts in
// half leaves the other slot. The greater number of the sound slots counts.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/result.h"
#include "storage/files.h"

namespace muster::storage {

class Watermark {
 public:
  // Makes the file, with the number 0, synced.
  static Status create(const std::filesystem::path& file);

  // Errors: Corrupt, naming the file, when it is missing, cut or has no sound slot.
  static Result<std::uint64_t> read(const std::filesystem::path& file);

  // Opens the file for writing.  Errors: those of read().
  static Result<Watermark> open(const std::filesystem::path& file);

  std::uint64_t number() const { return number_; }

  // Returns when the number is on the disk.  Requires number >= this->number().
  // Cost: one write of 16 bytes in place, with its sync.
  // Errors: as file_error; what stands in the file is then unknown.
  Status write(std::uint64_t number);

 private:
  Watermark(Descriptor descriptor, std::filesystem::path file, std::uint64_t number, int next_slot)
      : descriptor_(std::move(descriptor)),
        file_(std::move(file)),
        number_(number),
        next_slot_(next_slot) {}

  Descriptor descriptor_;
  std::filesystem::path file_;
  std::uint64_t number_ = 0;
  int next_slot_ = 0;
};

}  // namespace muster::storage
