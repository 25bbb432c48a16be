#include "index/image/table_image.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <span>

#include "index/bulk.h"
#include "index/coded.h"
#include "index/image/dictionary_image.h"
#include "index/image/field_type_image.h"
#include "index/image/numbers.h"
#include "index/unused_codes.h"

namespace muster::index {
namespace {

// The values that a section of a column holds, laid out by slot.
struct SlotValues {
  std::vector<std::int64_t> keys;
  std::vector<std::uint64_t> present;
};

// A block's values: bits of the slots that have one, then those values.
std::string block_bytes(const ColumnBlock* block) {
  std::string bytes;
  ByteWriter out(bytes);
  std::vector<std::uint64_t> present(kBlockWords);
  std::vector<std::int64_t> values;
  std::array<std::int64_t, kPageSize> slots;
  for (std::uint32_t p = 0; block != nullptr && p < kPagesPerBlock; ++p) {
    const PagePtr& page = block->pages[p];
    if (!page) continue;
    std::copy(page->present().begin(), page->present().end(), &present[p * kPageWords]);
    page->read(slots);
    for (std::uint32_t i = 0; i < kPageSize; ++i) {
      if (page->has(i)) values.push_back(slots[i]);
    }
  }
  write_bits(out, present, kBlockSize);
  write_numbers(out, values);
  return bytes;
}

bool is_set(std::span<const std::uint64_t> bits, std::size_t i) {
  return (bits[i / 64] >> (i % 64)) & 1;
}

std::size_t count_of(std::span<const std::uint64_t> bits) {
  std::size_t count = 0;
  for (const std::uint64_t word : bits) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

// `end`: keys are in [0, end); nothing: any are.
Result<SlotValues> read_block(const SectionSource& source, const std::string& name,
                              std::optional<std::uint32_t> end) {
  TRY_ASSIGN(const std::string bytes, source.read(name));
  ByteReader in(bytes);
  SlotValues block{std::vector<std::int64_t>(kBlockSize), read_bits(in, kBlockSize)};
  std::vector<std::int64_t> values(count_of(block.present));
  read_numbers(in, values);
  if (in.failed() || !in.at_end()) return damaged_section(name, "its values cannot be read");
  const auto outside = [&](std::int64_t key) { return key < 0 || key >= std::int64_t{*end}; };
  if (end && std::any_of(values.begin(), values.end(), outside)) {
    return damaged_section(name, "it holds a code that nothing has");
  }
  if (values.size() == kBlockSize) {
    block.keys = std::move(values);
  } else {
    auto next = values.begin();
    for (std::uint32_t i = 0; i < kBlockSize && next != values.end(); ++i) {
      if (is_set(block.present, i)) block.keys[i] = *next++;
    }
  }
  return block;
}

// A block's lists: bits of the slots that have one, their sizes, then all codes.
std::string list_bytes(const ListColumn::ListBlock* block) {
  std::string bytes;
  ByteWriter out(bytes);
  std::vector<std::uint64_t> present(kBlockWords);
  std::vector<std::int64_t> sizes, codes;
  for (std::uint32_t p = 0; block != nullptr && p < kPagesPerBlock; ++p) {
    const ListPage* page = block->pages[p].get();
    if (page == nullptr) continue;
    std::copy(page->present().begin(), page->present().end(), &present[p * kPageWords]);
    for (std::uint32_t i = 0; i < kPageSize; ++i) {
      if (!page->has(i)) continue;
      const CodeList list = page->at(i);
      sizes.push_back(list.size());
      codes.insert(codes.end(), list.begin(), list.end());
    }
  }
  write_bits(out, present, kBlockSize);
  write_numbers(out, sizes);
  out.varint(codes.size());
  write_numbers(out, codes);
  return bytes;
}

struct SlotLists {
  std::vector<std::uint32_t> ends, codes;
  std::vector<std::uint64_t> present;
};

// Whether sizes and codes make sorted lists of known codes; fills the ends by slot.
bool lay_out(std::span<const std::int64_t> sizes, std::span<const std::int64_t> codes,
             std::uint32_t end, SlotLists& block) {
  std::size_t next = 0, at = 0;
  for (std::uint32_t i = 0; i < kBlockSize; ++i) {
    if (is_set(block.present, i)) {
      const std::int64_t size = sizes[next++];
      if (size < 0 || static_cast<std::size_t>(size) > codes.size() - at) return false;
      const auto list = codes.subspan(at, static_cast<std::size_t>(size));
      const bool rises = std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) ==
                         list.end();
      const bool known = list.empty() || (list.front() >= 0 && list.back() < std::int64_t{end});
      if (!rises || !known) return false;
      at += list.size();
    }
    block.ends[i] = static_cast<std::uint32_t>(at);
  }
  block.codes.assign(codes.begin(), codes.end());
  return at == codes.size();
}

Result<SlotLists> read_lists(const SectionSource& source, const std::string& name,
                             std::uint32_t end) {
  TRY_ASSIGN(const std::string bytes, source.read(name));
  ByteReader in(bytes);
  SlotLists block{std::vector<std::uint32_t>(kBlockSize), {}, read_bits(in, kBlockSize)};
  std::vector<std::int64_t> sizes(count_of(block.present));
  read_numbers(in, sizes);
  const std::uint64_t count = in.varint();
  // Before memory is taken for them: each list has a code once at most.
  std::uint64_t expected = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > std::int64_t{end}) in.fail();
    expected += static_cast<std::uint64_t>(size);
  }
  const std::uint64_t chunks_max = in.remaining() / kChunkBytesMin + 1;
  if (in.failed() || count != expected || count > chunks_max * kNumbersPerChunk) {
    return damaged_section(name, "its lists cannot be read");
  }
  std::vector<std::int64_t> codes(count);
  read_numbers(in, codes);
  if (in.failed() || !in.at_end() || block.present.empty() || !lay_out(sizes, codes, end, block)) {
    return damaged_section(name, "its lists cannot be read");
  }
  return block;
}

// What the head says of an attribute.
struct AttributeHead {
  std::string name;
  FieldType type;
  std::uint32_t keys = 0, blocks = 0;
  std::uint32_t rows = 0;  // Of the table.
};

// Whether nobody has a value whom the table does not have.
bool ends_with_table(std::span<const std::uint64_t> present, std::uint32_t block,
                     std::uint32_t rows) {
  const std::uint64_t first = std::uint64_t{block} * kBlockSize;
  for (std::size_t i = rows > first ? rows - first : 0; i < kBlockSize; ++i) {
    if (is_set(present, i)) return false;
  }
  return true;
}

bool has_keys(const FieldType& type) { return type.list || is_coded(type.type); }

// Those that nobody has a value in any more among them: a state read back has as many.
std::uint32_t blocks_of(const Attribute& attribute) {
  return attribute.type.list ? attribute.list.blocks() : attribute.single.blocks();
}

// The head: changed: i64 | ids: varint | attributes: varint, and of each its name: text, type,
// keys: varint, blocks: varint.
std::string table_head(const Table& table) {
  std::string bytes;
  ByteWriter out(bytes);
  out.i64(table.changed);
  out.varint(table.ids.size());
  out.varint(table.attributes.size());
  for (const auto& [name, attribute] : table.attributes) {
    out.text(name);
    write_type(out, attribute->type);
    out.varint(attribute->dictionary.size());
    out.varint(blocks_of(*attribute));
  }
  return bytes;
}

std::string live_bytes(const Posting& live) {
  Bitmap all;
  std::vector<std::uint64_t> words(kBlockWords);
  for (const auto& entry : live.entries()) {
    std::fill(words.begin(), words.end(), 0);
    entry.members->or_into(MutableBlock(words.data(), kBlockWords));
    all.add_block(entry.block, words);
  }
  return all.to_bytes();
}

Result<Posting> read_live(const SectionSource& source, const std::string& name,
                          std::uint32_t ids) {
  TRY_ASSIGN(const std::string bytes, source.read(name));
  const auto all = Bitmap::from_bytes(bytes);
  if (!all) return damaged_section(name, all.error().message);
  Posting live;
  std::vector<std::uint16_t> members;
  for (std::uint32_t block = 0; std::uint64_t{block} * kBlockSize < ids; ++block) {
    members.clear();
    for (const Ordinal ordinal : all->slice(block * kBlockSize, kBlockSize)) {
      if (ordinal / kBlockSize != block) break;
      members.push_back(static_cast<std::uint16_t>(ordinal));
    }
    if (!members.empty()) live.append(block, Container::from_sorted(members));
  }
  const auto last = all->empty() ? 0 : all->select(all->count() - 1);
  if (live.count() != all->count() || (!all->empty() && last >= ids)) {
    return damaged_section(name, "it holds people that the table does not have");
  }
  return live;
}

Error beyond(const std::string& name) {
  return damaged_section(name, "it holds values of people that the table does not have");
}

Result<std::shared_ptr<const Attribute>> read_values(const SectionSource& source,
                                                     const std::string& prefix,
                                                     const AttributeHead& head,
                                                     Dictionary dictionary) {
  const std::string name = prefix + "/value/" + section_name({head.name});
  BulkAttribute made(head.type, std::move(dictionary));
  for (std::uint32_t b = 0; b < head.blocks; ++b) {
    if (head.type.list) {
      TRY_ASSIGN(const SlotLists block, read_lists(source, numbered_section(name, b), head.keys));
      if (!ends_with_table(block.present, b, head.rows)) return beyond(numbered_section(name, b));
      made.add_block(block.ends, block.codes, block.present);
    } else {
      std::optional<std::uint32_t> end;
      if (head.type.type == Type::Bool) end = 2;
      if (has_keys(head.type)) end = head.keys;
      TRY_ASSIGN(const SlotValues block, read_block(source, numbered_section(name, b), end));
      if (!ends_with_table(block.present, b, head.rows)) return beyond(numbered_section(name, b));
      made.add_block(block.keys, block.present);
    }
  }
  return made.finish();
}

// How the ids are sealed; null: they are not.
KeySealPtr seal_of_ids(const ProfileSeals& sealed) {
  if (sealed.seals == nullptr) return nullptr;
  return std::make_shared<const KeySeal>(*sealed.seals, "profile_id", "", "");
}

// The same of an attribute's keys, but for whose they are. An identifier's values are tagged, so
// that a lost one is still the same as the identifier's.
std::shared_ptr<KeySeal> seal_of_keys(const ProfileSeals& sealed, const std::string& name,
                                      const FieldType& type) {
  if (sealed.seals == nullptr) return nullptr;
  const auto how = sealed.identifiers.find(name);
  const bool is_name =
      how != sealed.identifiers.end() && type.type == Type::String && !type.list;
  return std::make_shared<KeySeal>(*sealed.seals, is_name ? name : "", is_name ? how->second : "",
                                   std::string(stand_in_of(type)));
}

Status read_attribute(const SectionSource& source, const std::string& prefix,
                      const AttributeHead& head, const KeySeal* seal, AttributeWriter& into) {
  DictionaryWriter dictionary;
  TRY(read_dictionary(source, prefix + "/key/" + section_name({head.name}), head.keys,
                      dictionary, key_bytes(head.type), seal));
  TRY_ASSIGN(const auto attribute, read_values(source, prefix, head, dictionary.snapshot()));
  into = AttributeWriter(std::move(dictionary), attribute);
  return Ok{};
}

}  // namespace

void add_column_sections(const std::string& prefix, const NumberColumn& column,
                         std::vector<Section>& sections) {
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    sections.push_back({numbered_section(prefix, b), {}, [column, b] {
                          return block_bytes(column.block(b));
                        }});
  }
}

Result<NumberColumn> read_column(const SectionSource& source, const std::string& prefix,
                                 std::uint32_t blocks, std::optional<std::uint32_t> end) {
  NumberColumn column;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    TRY_ASSIGN(const SlotValues block, read_block(source, numbered_section(prefix, b), end));
    column.append_block(block.keys, block.present);
  }
  return column;
}

void add_table_sections(const std::string& prefix, const std::shared_ptr<const Table>& table,
                        std::vector<Section>& sections, const ProfileSeals& sealed) {
  sections.push_back({prefix, {}, [table] { return table_head(*table); }});
  sections.push_back({prefix + "/live", {}, [table] { return live_bytes(table->live); }});
  add_dictionary_sections(prefix + "/id", table->ids, sections, seal_of_ids(sealed));
  for (const auto& [name, attribute] : table->attributes) {
    const std::string field = section_name({name});
    const auto seal = seal_of_keys(sealed, name, attribute->type);
    if (seal) seal->owned_as([kept = attribute] { return code_owners(*kept); });
    add_dictionary_sections(prefix + "/key/" + field, attribute->dictionary, sections, seal);
    if (!attribute->type.list) {
      add_column_sections(prefix + "/value/" + field, attribute->single, sections);
      continue;
    }
    for (std::uint32_t b = 0; b < blocks_of(*attribute); ++b) {
      const std::string section = numbered_section(prefix + "/value/" + field, b);
      sections.push_back({section, {}, [list = attribute, b] {
                            return list_bytes(list->list.block(b));
                          }});
    }
  }
}

Status read_table(const SectionSource& source, const std::string& prefix, TableImage& into,
                  std::uint32_t& rows, std::vector<ImageJob>& jobs, const ProfileSeals& sealed) {
  TRY_ASSIGN(const std::string bytes, source.read(prefix));
  ByteReader in(bytes);
  into.table.changed = in.i64();
  const std::uint64_t ids = in.varint();
  const std::uint64_t attributes = in.varint();
  for (std::uint64_t i = 0; i < attributes && !in.failed(); ++i) {
    AttributeHead head;
    head.name = in.text();
    head.type = read_type(in);
    const std::uint64_t keys = in.varint(), blocks = in.varint();
    const std::uint64_t blocks_max = (ids + kBlockSize - 1) / kBlockSize;
    const bool fits = ids <= kNoKey && keys <= kNoKey && blocks <= blocks_max &&
                      (keys == 0 || has_keys(head.type));
    if (!fits) in.fail();
    if (in.failed()) break;
    head.keys = static_cast<std::uint32_t>(keys);
    head.blocks = static_cast<std::uint32_t>(blocks);
    head.rows = static_cast<std::uint32_t>(ids);
    const auto [attribute, is_new] = into.attributes.try_emplace(head.name, head.type);
    if (!is_new) in.fail();  // A job fills it already.
    const KeySealPtr seal = seal_of_keys(sealed, head.name, head.type);
    jobs.push_back([&source, prefix, head, seal, &to = attribute->second] {
      return read_attribute(source, prefix, head, seal.get(), to);
    });
  }
  if (in.failed() || !in.at_end() || ids > kNoKey) {
    return damaged_section(prefix, "the table's head cannot be read");
  }
  const auto size = rows = static_cast<std::uint32_t>(ids);
  jobs.push_back([&source, prefix, size, &into, seal = seal_of_ids(sealed)] {
    return read_dictionary(source, prefix + "/id", size, into.ids, {}, seal.get());
  });
  jobs.push_back([&source, prefix, size, &into]() -> Status {
    TRY_ASSIGN(into.table.live, read_live(source, prefix + "/live", size));
    return Ok{};
  });
  return Ok{};
}

}  // namespace muster::index
