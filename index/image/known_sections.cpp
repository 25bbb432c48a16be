#include "index/image/known_sections.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/bytes.h"
#include "base/hash.h"

namespace muster::index {
namespace {

using People = std::shared_ptr<const std::unordered_set<Ordinal>>;

// Of codes, what their keys are.
std::vector<std::uint64_t> hashes_of(const Dictionary& dictionary) {
  std::vector<std::uint64_t> hashes(dictionary.size());
  for (std::uint32_t code = 0; code < dictionary.size(); ++code) {
    hashes[code] = hash64(dictionary.key(code));
  }
  return hashes;
}

std::string ids_bytes(const WriterMoment& moment, const std::unordered_set<Ordinal>& hidden) {
  const Table& profiles = moment.generation->profiles;
  std::string bytes;
  ByteWriter out(bytes);
  out.i64(profiles.changed);
  out.varint(profiles.ids.size());
  for (std::uint32_t ordinal = 0; ordinal < profiles.ids.size(); ++ordinal) {
    out.u64(hidden.contains(ordinal) ? 0 : hash64(profiles.ids.key(ordinal)));
  }
  return bytes;
}

void write_single(const Attribute& attribute, std::uint32_t ordinal,
                  const std::vector<std::uint64_t>& hashes, ByteWriter& out) {
  const auto code = attribute.single.at(ordinal);
  if (!code) return;
  out.varint(ordinal);
  out.u64(hashes[static_cast<std::size_t>(*code)]);
}

void write_list(const Attribute& attribute, std::uint32_t ordinal,
                const std::vector<std::uint64_t>& hashes, ByteWriter& out) {
  if (!attribute.list.has(ordinal)) return;
  std::vector<std::uint64_t> elements;
  for (const std::uint32_t code : attribute.list.at(ordinal)) elements.push_back(hashes[code]);
  std::sort(elements.begin(), elements.end());  // Codes say in which order they came first.
  out.varint(ordinal);
  for (const std::uint64_t element : elements) out.u64(element);
}

std::string values_bytes(const Attribute& attribute, std::uint32_t people,
                         const std::unordered_set<Ordinal>& hidden) {
  const auto hashes = hashes_of(attribute.dictionary);
  std::string bytes;
  ByteWriter out(bytes);
  for (std::uint32_t ordinal = 0; ordinal < people; ++ordinal) {
    if (hidden.contains(ordinal)) continue;
    if (attribute.type.list) write_list(attribute, ordinal, hashes, out);
    else write_single(attribute, ordinal, hashes, out);
  }
  return bytes;
}

std::string identifier_bytes(const Identifier& identifier,
                             const std::unordered_set<Ordinal>& hidden) {
  std::map<std::uint64_t, std::uint64_t> owners;
  for (std::uint32_t code = 0; code < identifier.values.size(); ++code) {
    const auto owner = identifier.owners.at(code);
    if (!owner || hidden.contains(static_cast<Ordinal>(*owner))) continue;
    owners[hash64(identifier.values.key(code))] = static_cast<std::uint64_t>(*owner);
  }
  std::string bytes;
  ByteWriter out(bytes);
  for (const auto& [value, owner] : owners) {
    out.u64(value);
    out.varint(owner);
  }
  return bytes;
}

// Whether a section says it by codes, so that another takes its place.
bool is_by_code(const std::string& name, const Generation& state) {
  if (name == "profiles" || name.starts_with("profiles/id/") ||
      name.starts_with("profiles/key/") || name.starts_with("identifier/")) {
    return true;
  }
  for (const auto& [field, attribute] : state.profiles.attributes) {
    const std::string prefix = "profiles/value/" + section_name({field}) + "/";
    if (attribute->is_coded() && name.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

std::vector<Section> known_sections(const std::shared_ptr<const WriterMoment>& moment,
                                    std::span<const Ordinal> without_key) {
  const std::shared_ptr<const Generation> state = moment->generation;
  const People hidden = std::make_shared<const std::unordered_set<Ordinal>>(without_key.begin(),
                                                                            without_key.end());
  std::vector<Section> sections;
  for (Section& section : WriterImage::sections(moment)) {
    if (!is_by_code(section.name, *state)) sections.push_back(std::move(section));
  }
  sections.push_back({"profiles/id", {}, [=] { return ids_bytes(*moment, *hidden); }});
  const std::uint32_t people = state->profiles.ids.size();
  for (const auto& [name, attribute] : state->profiles.attributes) {
    if (!attribute->is_coded()) continue;
    sections.push_back({"profiles/value/" + section_name({name}), {},
                        [=, kept = attribute] { return values_bytes(*kept, people, *hidden); }});
  }
  for (const auto& [name, identifier] : state->identifiers) {
    sections.push_back({section_name({"identifier", name}), {},
                        [=, kept = identifier] { return identifier_bytes(*kept, *hidden); }});
  }
  return sections;
}

}  // namespace muster::index
