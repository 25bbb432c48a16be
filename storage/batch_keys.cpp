#include "storage/batch_keys.h"

#include <utility>

namespace muster::storage {

Result<std::unique_ptr<BatchKeys>> BatchKeys::open(const std::filesystem::path& file,
                                                   const Keyring& keys, LogAccess access) {
  TRY_ASSIGN(auto slots, KeySlots::open(file, SlotUse::Batches, keys, access));
  return std::unique_ptr<BatchKeys>(new BatchKeys(std::move(slots)));
}

Result<std::string> BatchKeys::sealed(std::string_view record) {
  if (!is_to_be_sealed(record)) return std::string(record);
  TRY(slots_->grow(next_ + 1));
  if (!reader_) reader_ = std::make_unique<KeySlots::Reader>(*slots_);
  const std::uint64_t slot = next_++;
  TRY_ASSIGN(const KeySlots::Slot read, reader_->read(slot));
  if (!read.key) {
    return Error{ErrorCode::Corrupt, slots_->path().string() + " has no key in slot " +
                                         std::to_string(slot) + ", which was never used"};
  }
  return seal_record(record, slot, *read.key);
}

Status BatchKeys::destroy(std::span<const std::uint64_t> slots) {
  return slots.empty() ? Status(Ok{}) : slots_->destroy(slots, 0);
}

Status BatchKeys::destroy_others(const std::vector<bool>& used) {
  std::vector<std::uint64_t> others;
  for (std::uint64_t slot = 0; slot < used.size(); ++slot) {
    if (!used[slot] && !slots_->is_destroyed(slot)) others.push_back(slot);
  }
  return destroy(others);
}

}  // namespace muster::storage
