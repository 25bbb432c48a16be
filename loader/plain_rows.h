// The short way for rows that look like the rows before them: one pass, no look-ups, no copies.
//
// A row is plain when it is one flat object of known keys, each once, with spaces at most around
// colons and commas; texts without escapes; whole numbers and decimals that an exact cell holds;
// lists of such texts, of such numbers or of booleans. The next key is compared with the one that
// stood there last time. Any other row is left to JsonRows as if nothing had happened, so what is
// refused, and why, is decided there alone.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loader/batch_builder.h"
#include "loader/key_tree.h"

namespace muster::loader {

class PlainRows {
 public:
  // Both outlive this.
  PlainRows(BatchBuilder& builder, const KeyTree& keys) : builder_(builder), keys_(keys) {}

  // Puts the row's cells; false: the row is not plain and nothing has changed.
  // Requires readable bytes behind `row` as JsonRows::read does.
  bool take(std::string_view row);

 private:
  // A key as it stands in a row, quotes and colon included, padded to whole words.
  struct Known {
    std::vector<std::uint64_t> words, masks;
    std::size_t size = 0;
    std::uint32_t column = kNoColumn;

    bool stands_at(const char* at) const;
  };

  bool fields();
  // The column of the key at at_, which moves behind the colon; kNoColumn: no plain key.
  std::uint32_t key(std::size_t& next);
  std::uint32_t learn(std::size_t place);
  bool value(index::Cell& cell);
  bool scalar(index::Cell& cell);
  bool text(index::Cell& cell);
  bool number(index::Cell& cell);
  bool word(std::string_view expected);
  bool list(index::Cell& cell);
  void skip_spaces() {
    while (*at_ == ' ')
      ++at_;
  }

  BatchBuilder& builder_;
  const KeyTree& keys_;
  std::vector<Known> known_;   // In the order in which rows have them.
  const char* at_ = nullptr;   // In the row being read.
  const char* row_ = nullptr;  // Where it begins, and where its copy in the batch's text does.
  std::uint64_t text_ = 0;
  unsigned misses_ = 0;  // Rows in a row that were not plain.
};

}  // namespace muster::loader
