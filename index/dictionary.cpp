#include "index/dictionary.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/hash.h"

namespace muster::index {
namespace dictionary_detail {

// Keys by code. Chunks double in size and never move; a chunk's pointer is written once, before
// any snapshot that reaches into it is made.
class Keys {
 public:
  std::string_view at(std::uint32_t code) const {
    const auto [chunk, offset] = place(code);
    const Entry& entry = chunks_[chunk][offset];
    return {entry.bytes, entry.size};
  }

  void append(std::uint32_t code, std::string_view key) {
    const auto [chunk, offset] = place(code);
    if (offset == 0) {
      chunks_[chunk] = std::make_unique_for_overwrite<Entry[]>(kFirstChunk << chunk);
      heap_bytes_ += (kFirstChunk << chunk) * sizeof(Entry);
    }
    chunks_[chunk][offset] = {store(key), static_cast<std::uint32_t>(key.size())};
  }

  std::size_t bytes() const { return heap_bytes_; }

 private:
  struct Entry {
    const char* bytes;
    std::uint32_t size;
  };
  static constexpr std::size_t kFirstChunk = 64;   // Most dictionaries are small.
  static constexpr std::size_t kChunksMax = 27;    // 64 * (2^27 - 1) > 2^32 codes.
  static constexpr std::size_t kPoolMin = 1'024, kPoolMax = 1U << 20;

  static std::pair<std::size_t, std::size_t> place(std::uint32_t code) {
    const std::uint64_t shifted = std::uint64_t{code} + kFirstChunk;
    const auto chunk = static_cast<std::size_t>(std::bit_width(shifted)) - 1 -
                       static_cast<std::size_t>(std::countr_zero(kFirstChunk));
    return {chunk, shifted - (kFirstChunk << chunk)};
  }

  const char* store(std::string_view key) {
    if (key.empty()) return "";
    if (pool_left_ < key.size()) {
      const std::size_t grown = pools_.empty() ? kPoolMin : std::min(kPoolMax, pool_size_ * 2);
      pool_size_ = std::max(grown, key.size());
      pools_.push_back(std::make_unique_for_overwrite<char[]>(pool_size_));
      heap_bytes_ += pool_size_;
      pool_at_ = pools_.back().get();
      pool_left_ = pool_size_;
    }
    char* stored = pool_at_;
    std::memcpy(stored, key.data(), key.size());
    pool_at_ += key.size();
    pool_left_ -= key.size();
    return stored;
  }

  std::array<std::unique_ptr<Entry[]>, kChunksMax> chunks_;
  std::vector<std::unique_ptr<char[]>> pools_;  // Touched by the writer only.
  char* pool_at_ = nullptr;
  std::size_t pool_left_ = 0, pool_size_ = 0, heap_bytes_ = 0;
};

// Open addressing with linear probes; a slot is 0, or the hash's upper half and code + 1.
class Slots {
 public:
  explicit Slots(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<std::atomic<std::uint64_t>[]>(capacity)) {}

  std::size_t capacity() const { return mask_ + 1; }

  void insert(std::uint64_t hash, std::uint32_t code) {
    std::size_t at = hash & mask_;
    while (slots_[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & mask_;
    slots_[at].store((hash & 0xffffffff00000000ULL) | (std::uint64_t{code} + 1),
                     std::memory_order_release);
  }

  std::optional<std::uint32_t> find(const Keys& keys, std::uint32_t size, std::uint64_t hash,
                                    std::string_view key) const {
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const std::uint64_t slot = slots_[at].load(std::memory_order_acquire);
      if (slot == 0) return std::nullopt;
      const auto code = static_cast<std::uint32_t>(slot - 1);
      if ((slot ^ hash) >> 32 == 0 && code < size && keys.at(code) == key) return code;
    }
  }

 private:
  std::size_t mask_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> slots_;
};

}  // namespace dictionary_detail

namespace {
constexpr std::size_t kFirstCapacity = 64;  // Slots; a power of two.
// Codes are 32 bits and a slot keeps code + 1.
constexpr std::uint32_t kCodesMax = 0xffff'fff0;
}  // namespace

std::optional<std::uint32_t> Dictionary::find(std::string_view key) const {
  if (size_ == 0) return std::nullopt;
  return slots_->find(*keys_, size_, hash64(key), key);
}

std::string_view Dictionary::key(std::uint32_t code) const {
  CHECK(code < size_);
  return keys_->at(code);
}

DictionaryWriter::DictionaryWriter()
    : keys_(std::make_shared<dictionary_detail::Keys>()),
      slots_(std::make_shared<dictionary_detail::Slots>(kFirstCapacity)) {}
DictionaryWriter::~DictionaryWriter() = default;
DictionaryWriter::DictionaryWriter(DictionaryWriter&&) noexcept = default;
DictionaryWriter& DictionaryWriter::operator=(DictionaryWriter&&) noexcept = default;

std::uint32_t DictionaryWriter::add(std::string_view key) {
  const std::uint64_t hash = hash64(key);
  if (const auto known = slots_->find(*keys_, size_, hash, key)) return *known;
  CHECK(size_ < kCodesMax);
  if (std::size_t{size_} * 10 >= slots_->capacity() * 7) grow();
  keys_->append(size_, key);
  slots_->insert(hash, size_);
  return size_++;
}

std::optional<std::uint32_t> DictionaryWriter::find(std::string_view key) const {
  return slots_->find(*keys_, size_, hash64(key), key);
}

std::string_view DictionaryWriter::key(std::uint32_t code) const {
  CHECK(code < size_);
  return keys_->at(code);
}

void DictionaryWriter::grow() {
  auto larger = std::make_shared<dictionary_detail::Slots>(slots_->capacity() * 2);
  for (std::uint32_t code = 0; code < size_; ++code) {
    larger->insert(hash64(keys_->at(code)), code);
  }
  slots_ = std::move(larger);
}

Dictionary DictionaryWriter::snapshot() const {
  Dictionary taken;
  taken.keys_ = keys_;
  taken.slots_ = slots_;
  taken.size_ = size_;
  taken.bytes_ = bytes();
  return taken;
}

std::size_t DictionaryWriter::bytes() const {
  return keys_->bytes() + slots_->capacity() * sizeof(std::uint64_t);
}

}  // namespace muster::index
