#include "storage/person_keys.h"

#include <utility>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/siphash.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSivBytes = 16;

std::string bytes_of(const Hash128& hash) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(hash.low);
  out.u64(hash.high);
  return bytes;
}

// Two texts as one, so that no two pairs are the same bytes.
std::string pair_of(std::string_view one, std::string_view other) {
  std::string both;
  both.reserve(one.size() + other.size() + 4);
  ByteWriter out(both);
  out.text(one);
  both += other;
  return both;
}

// state: varint | SIV: 16 | ciphertext
class SealingSession final : public index::PersonSeals::Session {
 public:
  explicit SealingSession(const KeySlots& slots) : slots_(slots), reader_(slots) {}

  Result<bool> seal(index::Ordinal person, std::string_view place, std::string_view text,
                    std::string& out) override {
    TRY(use(person));
    if (!has_key_) return false;
    const std::string siv = siv_of(place, text);
    ByteWriter(out).varint(state_);
    out += siv;
    const std::size_t at = out.size();
    out += text;
    cipher_.apply(siv, out.data() + at, text.size());
    return true;
  }

  Result<std::optional<std::string>> open(index::Ordinal person, std::string_view place,
                                          std::string_view sealed) override {
    ByteReader in(sealed);
    const std::uint64_t state = in.varint();
    const std::string_view rest = sealed.substr(in.offset());
    if (in.failed() || rest.size() < kSivBytes) return not_sealed_so(person);
    // The key that it was sealed with is gone, whether another has taken its place or not.
    if (state < slots_.state(person)) return std::optional<std::string>();
    TRY(use(person));
    if (!has_key_ || state < state_) return std::optional<std::string>();
    if (state > state_) return not_sealed_so(person);
    const std::string_view siv = rest.substr(0, kSivBytes);
    std::string text(rest.substr(kSivBytes));
    cipher_.apply(siv, text.data(), text.size());
    if (siv_of(place, text) != siv) return not_sealed_so(person);
    return std::optional(std::move(text));
  }

 private:
  Error not_sealed_so(index::Ordinal person) const {
    return {ErrorCode::Corrupt, "what is person " + std::to_string(person) +
                                    "'s alone was not sealed with the key in " +
                                    slots_.path().string()};
  }

  std::string siv_of(std::string_view place, std::string_view text) const {
    return bytes_of(siphash128(siv_key_, pair_of(place, text)));
  }

  Status use(index::Ordinal person) {
    if (has_key_ && person == person_ && generation_ == slots_.generation()) return Ok{};
    generation_ = slots_.generation();
    TRY_ASSIGN(const KeySlots::Slot slot, reader_.read(person));
    person_ = person;
    state_ = slot.state;
    has_key_ = slot.key.has_value();
    if (!has_key_) return Ok{};
    cipher_.set_key(*slot.key);
    siv_key_.assign(kSipKeyBytes, '\0');
    cipher_.apply(std::string(kAesBlockBytes, '\0'), siv_key_.data(), siv_key_.size());
    return Ok{};
  }

  const KeySlots& slots_;
  KeySlots::Reader reader_;
  CtrContext cipher_;
  bool has_key_ = false;
  std::uint64_t generation_ = 0;
  index::Ordinal person_ = 0;
  std::uint32_t state_ = 0;
  std::string siv_key_;
};

}  // namespace

Result<std::shared_ptr<PersonKeys>> PersonKeys::open(const fs::path& file, const Keyring& keys,
                                                     LogAccess access) {
  TRY_ASSIGN(auto slots, KeySlots::open(file, SlotUse::People, keys, access));
  return std::shared_ptr<PersonKeys>(
      new PersonKeys(std::move(slots), access == LogAccess::ReadOnly));
}

Status PersonKeys::prepare(std::uint64_t people) {
  const std::uint64_t size = slots_->size();
  if (people > size) {
    TRY(check_room(slots_->path().parent_path(), (people - size) * kSlotBytes, "keys of people"));
  }
  return slots_->grow(people);
}

std::unique_ptr<index::PersonSeals::Session> PersonKeys::begin() const {
  return std::make_unique<SealingSession>(*slots_);
}

std::uint64_t PersonKeys::tag(std::string_view identifier, std::string_view value) const {
  return siphash128(slots_->tag_key(), pair_of(identifier, value)).low;
}

void PersonKeys::destroy(std::span<const index::Ordinal> people) {
  waiting_.insert(waiting_.end(), people.begin(), people.end());
}

Status PersonKeys::sync(std::uint64_t erasures) {
  if (waiting_.empty() && synced_ && *synced_ >= erasures) return Ok{};
  TRY(slots_->destroy(waiting_, erasures));
  synced_ = std::max(synced_.value_or(0), erasures);
  waiting_.clear();
  return Ok{};
}

std::vector<index::Ordinal> PersonKeys::destroyed(std::uint64_t end) const {
  std::vector<index::Ordinal> people;
  for (const std::uint64_t slot : slots_->destroyed()) {
    if (slot < end) people.push_back(static_cast<index::Ordinal>(slot));
  }
  return people;
}

Status PersonKeys::renew_from(std::uint64_t first) {
  const auto slots = slots_->destroyed(first);
  return slots.empty() ? Status(Ok{}) : slots_->renew(slots);
}

Status PersonKeys::check(std::uint64_t erasures) const {
  const auto known = slots_->erasures();
  if (!known || *known >= erasures) return Ok{};
  return Error{ErrorCode::Corrupt,
               slots_->path().string() + " is older than the log: it knows of " +
                   std::to_string(*known) + " erasures, and the log of " +
                   std::to_string(erasures) + "; put the newest copy of it back, so that keys "
                   "that were destroyed stay so"};
}

}  // namespace muster::storage
