#include "index/image/sealed_keys.h"

#include "index/identifier_value.h"
#include "index/image/section.h"
#include "index/lost_names.h"

namespace muster::index {
namespace {

// Disk values.
constexpr std::uint8_t kSealed = 1, kLost = 2;

// What a text is sealed for: so that none can take another's place.
std::string place_of(const std::string& prefix, std::uint32_t code) {
  std::string place = prefix;
  ByteWriter(place).u32(code);
  return place;
}

// Writes what a section says of one key behind its place.
Status write_key(const std::string& prefix, std::uint32_t code, std::string_view key,
                 const KeySeal& seal, PersonSeals::Session& session, ByteWriter& out) {
  const std::uint32_t owner = seal.owner(code);
  const bool is_name = !seal.identifier().empty();
  const auto lost = is_name ? tag_of_lost_name(key) : std::nullopt;
  std::string sealed;
  bool is_sealed = false;
  if (!lost) {
    TRY_ASSIGN(is_sealed, session.seal(owner, place_of(prefix, code), key, sealed));
  }
  out.u8(is_sealed ? kSealed : kLost);
  if (is_name) out.u64(lost ? *lost : seal.tag(key));
  if (!is_sealed) return Ok{};
  out.varint(owner);
  out.text(sealed);
  return Ok{};
}

Result<OpenedKey> read_key(const std::string& prefix, std::uint32_t code, const KeySeal& seal,
                           PersonSeals::Session& session, ByteReader& in) {
  OpenedKey key;
  const std::uint8_t what = in.u8();
  if (what != kSealed && what != kLost) in.fail();
  const bool is_name = !seal.identifier().empty();
  const std::uint64_t tag = is_name ? in.u64() : 0;
  key.is_forgotten = true;
  if (what == kSealed) {
    const std::uint64_t owner = in.varint();
    const std::string_view sealed = in.text();
    if (owner >= kOwnedByMany) in.fail();
    if (in.failed()) return key;
    TRY_ASSIGN(auto text, session.open(static_cast<Ordinal>(owner), place_of(prefix, code),
                                       sealed));
    if (text) {
      key.is_forgotten = false;
      key.text = std::move(*text);
      return key;
    }
  }
  if (is_name) {
    key.is_forgotten = false;
    key.text = lost_name(tag);
  }
  return key;
}

}  // namespace

std::uint32_t KeySeal::owner(std::uint32_t code) const {
  if (!find_) return code;
  const std::lock_guard held(mutex_);
  if (!owners_) owners_ = std::make_shared<const std::vector<std::uint32_t>>(find_());
  return (*owners_)[code];
}

void KeySeal::release() const {
  const std::lock_guard held(mutex_);
  owners_.reset();
}

std::uint64_t KeySeal::tag(std::string_view key) const {
  return seals_.tag(identifier_, normalised(how_, key));
}

std::string sealed_section(const std::string& prefix, std::uint64_t number) {
  return numbered_section(prefix + "/sealed", number);
}

Result<std::string> sealed_bytes(const std::string& prefix, const Dictionary& dictionary,
                                 const KeySeal& seal, std::uint32_t first, std::uint32_t last) {
  const auto session = seal.seals().begin();
  std::string keys;
  ByteWriter out(keys);
  std::uint32_t count = 0, before = 0;
  for (std::uint32_t code = first; code < last; ++code) {
    const std::uint32_t owner = seal.owner(code);
    const bool is_apart = owner != kOwnedByMany && owner != kOwnedByNobody;
    if (!is_apart || dictionary.is_forgotten(code)) continue;
    out.varint(code - first - before);
    before = code - first;
    ++count;
    TRY(write_key(prefix, code, dictionary.key(code), seal, *session, out));
  }
  std::string bytes;
  ByteWriter(bytes).varint(count);
  return bytes + keys;
}

Result<std::vector<OpenedKey>> open_keys(const std::string& prefix, std::uint32_t number,
                                         std::string_view bytes, const KeySeal& seal,
                                         std::uint32_t count) {
  const std::string name = sealed_section(prefix, number);
  const auto session = seal.seals().begin();
  ByteReader in(bytes);
  const std::uint64_t size = in.varint();
  std::vector<OpenedKey> keys;
  std::uint64_t place = 0;
  if (size > count) in.fail();
  for (std::uint64_t i = 0; i < size && !in.failed(); ++i) {
    const std::uint64_t step = in.varint();
    place += step;
    if (step >= count || place >= count || (i != 0 && step == 0)) in.fail();
    if (in.failed()) break;
    const auto at = static_cast<std::uint32_t>(place);
    TRY_ASSIGN(OpenedKey key, read_key(prefix, number * kKeysPerSection + at, seal, *session, in));
    key.place = at;
    keys.push_back(std::move(key));
  }
  if (in.failed() || !in.at_end()) return damaged_section(name, "its keys cannot be read");
  return keys;
}

}  // namespace muster::index
