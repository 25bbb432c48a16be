// Finds the lines of a log's data batches that are about people who were erased.
//
// A person is known by their id, and by the identifiers that rows about them claimed and that were
// taken: by each from its first claim, and before that where nobody else had it, until a row about
// them gives it up or somebody else has it. So the log is walked through three times: for what they
// claimed, for who claimed it first, and for the lines.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/row_decoder.h"
#include "index/row_people.h"
#include "storage/record.h"

namespace muster::engine {

class ErasedLines {
 public:
  // `ids`: of profiles. The decoder outlives this.
  ErasedLines(std::set<std::string> ids, const RowDecoder& decoder)
      : ids_(std::move(ids)), decoder_(decoder) {}

  // The declaration as the log begins, and every one that follows: what names the columns.
  void set_schema(index::Schema schema) { schema_ = std::move(schema); }
  // Where batches are missing that may have said what they were known by: what keeps them out,
  // which has the last of it.
  void ask(index::IsSuppressed is_suppressed) { is_suppressed_ = std::move(is_suppressed); }

  // The same for ids, where a record says whose they are by a tag alone.
  void ask_for_ids(index::IsSuppressed is_suppressed) {
    asks_for_ids_ = true;
    ask(std::move(is_suppressed));
  }

  // Each is called with all batches, in the order of the log.
  // Cost: the rows are decoded; of profiles only, but by find().
  void learn_claims(const storage::DataBatch& batch);
  void learn_first_claims(const storage::DataBatch& batch);
  // The lines about them that still have a text, ascending: taken or refused. Of lines that cannot
  // be read, those with a word that is an id or identifier of theirs.
  std::vector<std::uint64_t> find(const storage::DataBatch& batch);

 private:
  using Named = std::pair<std::string, std::string>;  // An identifier, and its value.
  struct Rows;

  bool is_erased(const std::string& id) const;
  bool is_theirs(const std::string& identifier, const std::string& value) const;
  void follow_claims(const Rows& rows);
  void add_unreadable(const storage::DataBatch& batch, const Rows& rows,
                      std::vector<std::uint64_t>& lines) const;
  bool names_anybody(std::string_view line) const;

  const std::set<std::string> ids_;
  const RowDecoder& decoder_;
  index::IsSuppressed is_suppressed_;
  bool asks_for_ids_ = false;
  index::Schema schema_;
  // Identifiers that they had at some time: whether they have it by now.
  std::map<Named, bool> identifiers_;
  std::set<Named> first_seen_;
  // By id and identifier, what rows about them said last.
  std::map<Named, std::string> current_;
};

}  // namespace muster::engine
