// A dictionary as sections, and back: PREFIX/N has the keys 65,536 N and on, and which of them are
// forgotten.
//
// Thread safety: any thread; a dictionary that is read, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "index/dictionary.h"
#include "index/image/sealed_keys.h"
#include "index/image/section.h"
#include "index/schema.h"

namespace muster::index {

// Adds the sections of a dictionary, PREFIX/N each. With a seal, what is one person's alone is
// sealed, and what is nobody's is left out: it comes back as forgotten.
void add_dictionary_sections(const std::string& prefix, const Dictionary& dictionary,
                             std::vector<Section>& sections, const KeySealPtr& seal = {});
// `bytes`: of each key; nothing: any. `seal`: null where there can be none.
// Errors: Corrupt, also for a key that stands twice.
Status read_dictionary(const SectionSource& source, const std::string& prefix, std::uint32_t size,
                       DictionaryWriter& dictionary, std::optional<std::size_t> bytes = {},
                       const KeySeal* seal = nullptr);
// Of the keys of a type's dictionary; nothing: they are texts (index/coded.h).
std::optional<std::size_t> key_bytes(const FieldType& type);

}  // namespace muster::index
