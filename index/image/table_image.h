// A keyed table as sections, and back: ids, who is there, and every attribute block by block.
//
//   PREFIX                what the table has: see table_head
//   PREFIX/id/N           ids 65,536 N and on
//   PREFIX/live           who is not erased, as a bitmap
//   PREFIX/key/FIELD/N    keys of the attribute's dictionary
//   PREFIX/value/FIELD/N  values of block N
//
// What follows from the values (value bitmaps, hash tables, pages) is made anew.
// Thread safety: any thread; each job of a reader is for one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/attribute_writer.h"
#include "index/image/person_seals.h"
#include "index/image/section.h"
#include "index/table.h"

namespace muster::index {

using ImageJob = std::function<Status()>;

// How the profiles' names and values are sealed.
struct ProfileSeals {
  PersonSeals* seals = nullptr;  // Null: not at all.
  std::map<std::string, std::string> identifiers;  // As the schema has them.
};

// Adds the sections of a table. They hold on to what they are made of. `sealed`: of profiles alone.
void add_table_sections(const std::string& prefix, const std::shared_ptr<const Table>& table,
                        std::vector<Section>& sections, const ProfileSeals& sealed = {});

// Adds the sections of a column of one value per ordinal, PREFIX/N each.
void add_column_sections(const std::string& prefix, const NumberColumn& column,
                         std::vector<Section>& sections);
// Keys outside [0, end) are damage; nothing: all keys fit.
Result<NumberColumn> read_column(const SectionSource& source, const std::string& prefix,
                                 std::uint32_t blocks, std::optional<std::uint32_t> end);

// What a table is read into.
struct TableImage {
  DictionaryWriter ids;
  std::map<std::string, AttributeWriter> attributes;
  Table table;  // Without attributes and snapshots of dictionaries: its writer adds them.
};
// Reads the head now, and adds the jobs that read the rest, in any order, each filling its own
// part of `into`, which must stay where it is until they have run. `rows`: how many ids it has.
Status read_table(const SectionSource& source, const std::string& prefix, TableImage& into,
                  std::uint32_t& rows, std::vector<ImageJob>& jobs,
                  const ProfileSeals& sealed = {});

}  // namespace muster::index
