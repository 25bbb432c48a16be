#include "index/image/dictionary_image.h"

#include <algorithm>
#include <deque>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "index/coded.h"
#include "index/lost_names.h"

namespace muster::index {
namespace {

// Keys that are put into a dictionary together.
constexpr std::size_t kKeysAtOnce = 16U << 20;

// Which keys of a section are forgotten, behind the keys and where there are any: varint, of each
// its place in the section less the one before: varint. With a seal, also those that are nobody's.
void write_forgotten(ByteWriter& out, const Dictionary& dictionary, const KeySeal* seal,
                     std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> places;
  if (dictionary.forgotten() == 0 && seal == nullptr) return;
  for (std::uint32_t code = first; code < last; ++code) {
    const bool is_nobodys = seal != nullptr && seal->owner(code) == kOwnedByNobody;
    if (is_nobodys || dictionary.is_forgotten(code)) places.push_back(code - first);
  }
  if (places.empty()) return;
  out.varint(places.size());
  std::uint32_t before = 0;
  for (const std::uint32_t place : places) {
    out.varint(place - before);
    before = place;
  }
}

// Puts keys into a dictionary together, so that its table grows once and not by and by.
class KeysAtOnce {
 public:
  explicit KeysAtOnce(DictionaryWriter& dictionary) : dictionary_(dictionary) {}

  // Reads `count` more keys, of `key_size` bytes each where that is given; `opened` stand in place
  // of what the section has of them.
  void read(std::string section, std::uint32_t count, std::optional<std::size_t> key_size,
            std::vector<OpenedKey> opened) {
    ByteReader in(sections_.emplace_back(std::move(section)));
    const std::size_t first = keys_.size();
    for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
      keys_.push_back(in.text());
      if (key_size && keys_.back().size() != *key_size) in.fail();
    }
    if (!in.failed() && !in.at_end()) read_forgotten(in, first);
    if (!in.failed()) put_opened(std::move(opened), first, key_size, in);
    is_sound_ = is_sound_ && !in.failed() && in.at_end();
  }
  bool is_sound() const { return is_sound_; }
  std::size_t size() const { return keys_.size(); }

  // Whether no key stood twice.
  bool flush() {
    std::size_t from = 0;
    bool is_new = true;
    for (const std::size_t place : forgotten_) {
      is_new = is_new && add(from, place);
      dictionary_.add_forgotten(keys_[place]);
      from = place + 1;
    }
    is_new = is_new && add(from, keys_.size());
    keys_.clear();
    forgotten_.clear();
    sections_.clear();
    return is_new;
  }

 private:
  void read_forgotten(ByteReader& in, std::size_t first) {
    const std::uint64_t count = in.varint();
    std::uint64_t place = first;
    if (count == 0) in.fail();  // Then it is not written.
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
      const std::uint64_t step = in.varint();
      place += step;
      if ((i != 0 && step == 0) || step > keys_.size() || place >= keys_.size()) in.fail();
      if (!in.failed()) forgotten_.push_back(place);
    }
  }

  void put_opened(std::vector<OpenedKey> opened, std::size_t first,
                  std::optional<std::size_t> key_size, ByteReader& in) {
    for (OpenedKey& key : opened) {
      // Of two that were lost and were the same one is enough.
      if (!key.is_forgotten && tag_of_lost_name(key.text)) {
        key.is_forgotten = !lost_.insert(key.text).second;
      }
      if (key.is_forgotten) {
        forgotten_.push_back(first + key.place);
        continue;
      }
      if (key_size && key.text.size() != *key_size) in.fail();
      keys_[first + key.place] = sections_.emplace_back(std::move(key.text));
    }
    std::sort(forgotten_.begin(), forgotten_.end());
    const bool is_twice = std::adjacent_find(forgotten_.begin(), forgotten_.end()) !=
                          forgotten_.end();
    if (is_twice) in.fail();
  }

  bool add(std::size_t from, std::size_t to) {
    const auto keys = std::span(keys_).subspan(from, to - from);
    std::vector<std::uint32_t> codes(keys.size());
    std::uint32_t next = dictionary_.size();
    dictionary_.add_batch(keys, codes);
    return std::all_of(codes.begin(), codes.end(),
                       [&](std::uint32_t code) { return code == next++; });
  }

  DictionaryWriter& dictionary_;
  std::deque<std::string> sections_;  // Of the keys that wait; none of them moves.
  std::vector<std::string_view> keys_;
  std::vector<std::size_t> forgotten_;  // Of these keys, by place.
  std::set<std::string> lost_;          // Names, of all keys so far.
  bool is_sound_ = true;
};

}  // namespace

void add_dictionary_sections(const std::string& prefix, const Dictionary& dictionary,
                             std::vector<Section>& sections, const KeySealPtr& seal) {
  for (std::uint32_t first = 0; first < dictionary.size(); first += kKeysPerSection) {
    const std::uint32_t last = first + std::min(kKeysPerSection, dictionary.size() - first);
    const std::uint32_t number = first / kKeysPerSection;
    sections.push_back({numbered_section(prefix, number), {}, [=] {
                          std::string bytes;
                          ByteWriter out(bytes);
                          for (std::uint32_t code = first; code < last; ++code) {
                            const bool is_apart = seal && seal->owner(code) != kOwnedByMany;
                            out.text(is_apart ? KeyText(seal->stand_in()) : dictionary.key(code));
                          }
                          write_forgotten(out, dictionary, seal.get(), first, last);
                          return bytes;
                        }});
    if (!seal) continue;
    sections.push_back({sealed_section(prefix, number), {}, [=]() -> Result<std::string> {
                          auto bytes = sealed_bytes(prefix, dictionary, *seal, first, last);
                          if (last == dictionary.size()) seal->release();
                          return bytes;
                        }});
  }
}

std::optional<std::size_t> key_bytes(const FieldType& type) {
  if (type.type == Type::Geo) return 2 * sizeof(double);
  if (type.list && !is_coded(type.type)) return sizeof(std::int64_t);
  return std::nullopt;
}

Status read_dictionary(const SectionSource& source, const std::string& prefix, std::uint32_t size,
                       DictionaryWriter& dictionary, std::optional<std::size_t> key_size,
                       const KeySeal* seal) {
  KeysAtOnce keys(dictionary);
  const bool is_sealed = !source.names(prefix + "/sealed/").empty();
  if (is_sealed && seal == nullptr) {
    return damaged_section(sealed_section(prefix, 0), "nobody has the keys that it is sealed with");
  }
  for (std::uint32_t first = 0; first < size; first += kKeysPerSection) {
    const std::string name = numbered_section(prefix, first / kKeysPerSection);
    TRY_ASSIGN(std::string bytes, source.read(name));
    const std::uint32_t count = std::min(kKeysPerSection, size - first);
    std::vector<OpenedKey> opened;
    if (is_sealed) {
      const std::uint32_t number = first / kKeysPerSection;
      TRY_ASSIGN(const std::string sealed, source.read(sealed_section(prefix, number)));
      TRY_ASSIGN(opened, open_keys(prefix, number, sealed, *seal, count));
    }
    keys.read(std::move(bytes), count, key_size, std::move(opened));
    if (!keys.is_sound()) return damaged_section(name, "its keys cannot be read");
    if (keys.size() < kKeysAtOnce && first + count < size) continue;
    if (!keys.flush()) return damaged_section(name, "it, or one before, holds a key twice");
  }
  return Ok{};
}

}  // namespace muster::index
