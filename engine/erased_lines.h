// Finds the lines of a log's data batches that are about people who were erased.
//
// A person is known by their id, and by the identifiers that rows about them claimed: by those only
// as long as no row gave them to somebody else. Identifiers are learnt from all batches before any
// line is looked for, because an event may have come before its profile.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
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

  // Takes in what the rows about these people claim.
  // Cost: the rows are decoded where they may say anything.
  void learn(const storage::DataBatch& batch);
  // The lines about them that still have a text, ascending: taken or refused. Of lines that cannot
  // be read, those in which an id or identifier of theirs stands as it is.
  // Requires to be called in the order of the log, after learn() of all.
  // Cost: the rows are decoded.
  std::vector<std::uint64_t> find(const storage::DataBatch& batch);

 private:
  bool is_erased(const std::string& identifier, const std::string& value) const;
  void follow_claims(const index::RowPeople& people, const std::vector<bool>& refused);
  bool names_anybody(std::string_view line) const;

  const std::set<std::string> ids_;
  const RowDecoder& decoder_;
  index::Schema schema_;
  // Identifiers that they had at some time, by identifier and value: whether they have it by now.
  std::map<std::pair<std::string, std::string>, bool> identifiers_;
};

}  // namespace muster::engine
