// What fields would hold had they been declared from the beginning: made from the rows that came.
//
// The records of a log go through a Writer of their own, by the code that takes rows: who is who,
// who waits, refreshes, joins and erasures are decided by it and by the verdicts of the log. Of the
// rows only ids, identifiers and these fields are read. A row that was refused stays so; of one
// that was taken, a value that does not fit the field counts as not there, and is told.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/row_decoder.h"
#include "index/writer.h"
#include "storage/record.h"

namespace muster::engine {

// A value that does not fit, of a row that was taken.
struct UnfitValue {
  std::uint64_t sequence = 0, line = 0;  // Of the record; in the file that it came in.
  std::string reason;
};

class FieldHistory {
 public:
  // `fields`: by field key, of profiles and entities. The decoder outlives this.
  // `identifiers`: those that are declared by now: whoever had a value of one before that loses it
  // with their next one, so it has to be known.
  // `reads_events`: needed where rows have waited for people whom events may have made known.
  FieldHistory(const RowDecoder& decoder, std::map<std::string, index::Field> fields,
               std::set<std::string> identifiers, bool reads_events);

  // The next record. Documents and the like are passed over.
  // Errors: Corrupt, naming the record.
  Status take(std::uint64_t sequence, storage::Record record);

  // It should have read events, and did not.
  bool lacks_events() const { return lacks_events_; }
  const index::Generation& state() const { return writer_.state(); }
  std::uint64_t rows() const { return rows_; }      // That said something of the fields.
  std::uint64_t unfit() const { return unfit_; }    // Values that do not fit.
  const std::vector<UnfitValue>& unfit_values() const { return unfit_values_; }  // The first few.

 private:
  struct Part;
  Status take_declaration(const std::string& json);
  Status take_batch(std::uint64_t sequence, const storage::DataBatch& body, TimeMs received);
  bool is_wanted(const storage::DataBatch& body) const;
  std::map<std::string, std::string> columns_for(const index::TableRef& table) const;
  Result<index::TypedRows> typed(std::uint64_t sequence, const storage::DataBatch& body);
  void add_column(std::uint64_t sequence, const storage::DataBatch& body, const std::string& name,
                  index::TypedRows field, index::TypedRows& rows);

  const RowDecoder& decoder_;
  const std::map<std::string, index::Field> fields_;
  const std::set<std::string> identifiers_;
  const bool reads_events_;
  bool lacks_events_ = false, has_skipped_events_ = false;
  bool is_about_people_ = false;
  index::Writer writer_;
  std::uint64_t rows_ = 0, unfit_ = 0;
  std::vector<UnfitValue> unfit_values_;
};

}  // namespace muster::engine
