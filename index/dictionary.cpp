#include "index/dictionary.h"

#include <algorithm>
#include <array>

#include "base/check.h"

#include "index/recent_codes.h"
#include "index/table_hash.h"

namespace muster::index {
namespace {

// Look-ups under way at once: enough to hide memory, few enough to stay in the first cache.
constexpr std::size_t kWindow = 32;
constexpr std::uint32_t kCodesMax = 0xffff'fff0;  // A slot keeps code + 1 in 32 bits.

// Of a table that these keys and some more find room in.
std::uint32_t buckets_for(std::size_t keys) {
  constexpr std::size_t kKeysPerBucket = 6;  // Of eight.
  return static_cast<std::uint32_t>(keys / kKeysPerBucket + 1);
}

std::uint32_t tag_of(const KeyForm& key) {
  return KeySlots::tag_of(table_hash(key.bytes(), key.is_uuid() ? 1 : 0));
}

std::uint32_t find_in(const KeyPool& keys, const KeySlots& slots, const ForgottenKeys* forgotten,
                      std::uint32_t size, const KeyForm& key, std::uint32_t tag) {
  return slots.find(tag, size, [&](std::uint32_t code) {
    return keys.equals(code, key) && (forgotten == nullptr || !forgotten->contains(code));
  });
}

// Below these, everything stands in the caches and recent codes help most.
constexpr std::uint32_t kSmallDictionary = 4'096;
constexpr std::size_t kBatchMin = 64;  // Keys that are worth a table of recent codes.
// A first batch of that many keys is a dictionary that is read back: all of them will be new, and
// the table gets its size at once. No batch of rows is as large.
constexpr std::size_t kWholeMin = 1U << 20;

// Calls take(i, form, tag) for each key in order, when most of what it reads is in the caches.
template <typename SlotsPointer, typename Take>
void in_windows(std::span<const std::string_view> texts, const KeyPool& keys,
                const SlotsPointer& slots, std::uint32_t size, const Take& take) {
  for (std::size_t from = 0; from < texts.size(); from += kWindow) {
    const std::size_t count = std::min(kWindow, texts.size() - from);
    std::array<std::optional<KeyForm>, kWindow> forms;
    std::array<std::uint32_t, kWindow> tags, codes;
    for (std::size_t i = 0; i < count; ++i) {
      tags[i] = tag_of(forms[i].emplace(texts[from + i]));
      slots->prefetch(tags[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      codes[i] = slots->find(tags[i], size, [](std::uint32_t) { return true; });
      if (codes[i] != kNoKey) keys.prefetch_group(codes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (codes[i] != kNoKey) keys.prefetch_bytes(codes[i]);
    }
    for (std::size_t i = 0; i < count; ++i)
      take(from + i, *forms[i], tags[i]);
  }
}

}  // namespace

std::optional<std::uint32_t> Dictionary::find(std::string_view key) const {
  if (size_ == 0) return std::nullopt;
  const KeyForm form(key);
  const std::uint32_t code = find_in(*keys_, *slots_, forgotten_.get(), size_, form, tag_of(form));
  return code == kNoKey ? std::nullopt : std::optional(code);
}

void Dictionary::find_batch(std::span<const std::string_view> keys,
                            std::span<std::uint32_t> codes) const {
  CHECK(keys.size() == codes.size());
  if (size_ == 0) {
    std::fill(codes.begin(), codes.end(), kNoKey);
    return;
  }
  in_windows(keys, *keys_, slots_, size_,
             [&](std::size_t i, const KeyForm& key, std::uint32_t tag) {
               codes[i] = find_in(*keys_, *slots_, forgotten_.get(), size_, key, tag);
             });
}

KeyText Dictionary::key(std::uint32_t code) const {
  CHECK(code < size_);
  return is_forgotten(code) ? KeyText(forgotten_->stand_in) : keys_->at(code);
}

void ForgottenKeys::add(std::uint32_t code) {
  if (contains(code)) return;
  if (code / 64 >= bits.size()) bits.resize(code / 64 + 1);
  bits[code / 64] |= std::uint64_t{1} << (code % 64);
  ++count;
}

DictionaryWriter::DictionaryWriter()
    : keys_(std::make_shared<KeyPool>()), slots_(std::make_shared<KeySlots>()) {}

std::uint32_t DictionaryWriter::add(const KeyForm& key, std::uint32_t tag) {
  const std::uint32_t known = find_in(*keys_, *slots_, forgotten_.get(), size_, key, tag);
  if (known != kNoKey) return known;
  CHECK(size_ < kCodesMax);
  if (slots_->is_full(size_ + 1)) slots_ = slots_->larger();
  keys_->append(size_, key);
  slots_->insert(tag, size_);
  return size_++;
}

std::uint32_t DictionaryWriter::add(std::string_view key) {
  const KeyForm form(key);
  return add(form, tag_of(form));
}

void DictionaryWriter::add_batch(std::span<const std::string_view> keys,
                                 std::span<std::uint32_t> codes) {
  CHECK(keys.size() == codes.size());
  const bool is_whole = size_ == 0 && keys.size() >= kWholeMin;
  if (is_whole) slots_ = std::make_shared<KeySlots>(buckets_for(keys.size()));
  if (!is_whole && keys.size() >= kBatchMin && size_ < kSmallDictionary) {
    RecentCodes recent;
    const auto add_one = [this](std::string_view key) { return add(key); };
    for (std::size_t i = 0; i < keys.size(); ++i)
      codes[i] = recent.code_of(keys[i], add_one);
    return;
  }
  in_windows(
      keys, *keys_, slots_, size_,
      [&](std::size_t i, const KeyForm& key, std::uint32_t tag) { codes[i] = add(key, tag); });
}

std::optional<std::uint32_t> DictionaryWriter::find(std::string_view key) const {
  const KeyForm form(key);
  const std::uint32_t code = find_in(*keys_, *slots_, forgotten_.get(), size_, form, tag_of(form));
  return code == kNoKey ? std::nullopt : std::optional(code);
}

void DictionaryWriter::find_batch(std::span<const std::string_view> keys,
                                  std::span<std::uint32_t> codes) const {
  snapshot().find_batch(keys, codes);
}

KeyText DictionaryWriter::key(std::uint32_t code) const {
  CHECK(code < size_);
  const bool is_gone = forgotten_ && forgotten_->contains(code);
  return is_gone ? KeyText(forgotten_->stand_in) : keys_->at(code);
}

// One that no snapshot has.
ForgottenKeys& DictionaryWriter::forgotten(std::string_view stand_in) {
  if (!forgotten_) {
    forgotten_ = std::make_shared<ForgottenKeys>();
    forgotten_->stand_in = stand_in;
  } else if (forgotten_.use_count() > 1) {
    forgotten_ = std::make_shared<ForgottenKeys>(*forgotten_);
  }
  return *forgotten_;
}

void DictionaryWriter::forget(std::span<const std::uint32_t> codes, std::string_view stand_in) {
  if (codes.empty()) return;
  ForgottenKeys& all = forgotten(stand_in);
  for (const std::uint32_t code : codes) {
    CHECK(code < size_);
    all.add(code);
  }
}

void DictionaryWriter::add_forgotten(std::string_view stand_in) {
  CHECK(size_ < kCodesMax);
  ForgottenKeys& all = forgotten(stand_in);
  keys_->append(size_, KeyForm(stand_in));
  all.add(size_++);
}

Dictionary DictionaryWriter::snapshot() const {
  Dictionary taken;
  taken.keys_ = keys_;
  taken.slots_ = slots_;
  taken.forgotten_ = forgotten_;
  taken.size_ = size_;
  taken.bytes_ = bytes();
  return taken;
}

}  // namespace muster::index
