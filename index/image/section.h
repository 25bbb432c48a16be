// The pieces that an index is made of, each as named bytes: what a checkpoint holds.
//
// Names say what a piece is, by parts between '/': "profiles/value/country/17" is block 17 of the
// attribute country. storage/format.md lists them all. Thread safety: as said at each.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::index {

// One piece that is to be written.
struct Section {
  std::string name;
  // What it is made from, where that never changes: while it lives, the bytes are the same as
  // before and need not be made again. Empty: they must be made to know.
  std::weak_ptr<const void> origin;
  // Errors: those of the keys that it is sealed with (index/image/person_seals.h).
  std::function<Result<std::string>()> bytes;
};

// The pieces of one checkpoint. Thread safety: any thread.
class SectionSource {
 public:
  virtual ~SectionSource() = default;
  // Errors: Corrupt, naming the section, when it is missing or not what was written.
  virtual Result<std::string> read(std::string_view name) const = 0;
  // The names that begin with `prefix`, in the order of bytes.
  virtual std::vector<std::string> names(std::string_view prefix) const = 0;
  // What they have together.
  virtual std::uint64_t bytes(std::string_view prefix) const = 0;
};

// Parts with '/' between them; a '/', a '%' or a control character within a part as %XX.
std::string section_name(std::initializer_list<std::string_view> parts);
// Numbers stand with ten digits, so that names sort as they do.
std::string section_number(std::uint64_t number);
std::string numbered_section(const std::string& prefix, std::uint64_t number);  // PREFIX/NUMBER

Error damaged_section(std::string_view name, std::string_view what);

}  // namespace muster::index
