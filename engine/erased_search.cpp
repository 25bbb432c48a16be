#include "engine/erased_search.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "engine/blanked_batch.h"
#include "engine/declaration.h"
#include "engine/erased_lines.h"
#include "storage/archive.h"
#include "storage/record.h"

namespace muster::engine {
namespace {

using storage::DataBatch;

Error stopped() { return {ErrorCode::Unavailable, "the server stops"}; }

// Where a batch was found.
struct BatchPlace {
  std::uint64_t record = 0;
  std::string archive;  // "": in the log.
};

// Walks through the declarations and data batches of a log, those in its archive too.
class BatchWalk {
 public:
  using Visit = std::function<void(const BatchPlace& place, const DataBatch& batch)>;

  BatchWalk(const ErasedSearch& search, const std::stop_token& stop)
      : search_(search), stop_(stop) {}

  // Batches of other tables than profiles are passed over with `only_profiles`.
  Status run(ErasedLines& lines, bool only_profiles, const Visit& visit) {
    lines.set_schema({});
    return storage::read_range(
        search_.log, 1, search_.end, [&](std::uint64_t sequence, std::string_view bytes) -> Status {
          if (stop_.stop_requested()) return stopped();
          TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
          if (const auto* declared = std::get_if<storage::Declaration>(&record.body)) {
            TRY_ASSIGN(index::Schema schema, parse_declaration(declared->json));
            lines.set_schema(std::move(schema));
          } else if (const auto* batch = std::get_if<DataBatch>(&record.body)) {
            if (is_wanted(*batch, only_profiles)) visit({sequence, ""}, *batch);
          } else if (const auto* retired = std::get_if<storage::Retired>(&record.body)) {
            if (retired->archive.empty()) lost_.insert(sequence);
            else TRY(visit_archived(sequence, retired->archive, only_profiles, visit));
          }
          return Ok{};
        });
  }

  const std::set<std::string>& unreachable() const { return unreachable_; }
  const std::set<std::uint64_t>& lost() const { return lost_; }

 private:
  static bool is_wanted(const DataBatch& batch, bool only_profiles) {
    return !only_profiles || batch.table == storage::TableKind::Profiles;
  }

  Status visit_archived(std::uint64_t sequence, const std::string& file, bool only_profiles,
                        const Visit& visit) {
    if (file != loaded_) load(file);
    const auto found = records_.find(sequence);
    if (found == records_.end()) return Ok{};
    TRY_ASSIGN(const storage::Record record, storage::decode(found->second));
    const auto* const batch = std::get_if<DataBatch>(&record.body);
    if (batch != nullptr && is_wanted(*batch, only_profiles)) visit({sequence, file}, *batch);
    return Ok{};
  }

  // One file at a time: they follow each other in the log.
  void load(const std::string& file) {
    loaded_ = file;
    records_.clear();
    const auto keep = [&](std::uint64_t sequence, std::string_view record) -> Status {
      records_.emplace(sequence, record);
      return Ok{};
    };
    const bool is_name = !search_.archive.empty() && file.find('/') == std::string::npos;
    if (!is_name || !storage::read_archive(search_.archive / file, keep, search_.keys)) {
      records_.clear();
      unreachable_.insert(file);
    }
  }

  const ErasedSearch& search_;
  const std::stop_token& stop_;
  std::string loaded_;
  std::map<std::uint64_t, std::string> records_;  // Of that file.
  std::set<std::string> unreachable_;
  std::set<std::uint64_t> lost_;
};

// The ids that erasures of the log name.
Result<std::set<std::string>> erased_ids(const ErasedSearch& search, ErasedFound& found) {
  std::set<std::string> ids;
  TRY(storage::read_range(
      search.log, 1, search.end, [&](std::uint64_t sequence, std::string_view bytes) -> Status {
        TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
        if (!head.is_erasure) return Ok{};
        TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
        const auto& id = std::get<storage::Erasure>(record.body).profile_id;
        if (id.empty()) return Ok{};
        if (index::tag_of_lost_name(id)) found.has_lost_names = true;
        ids.insert(id);
        found.erasures.push_back(sequence);
        return Ok{};
      }));
  return ids;
}

void note_refused(const DataBatch& batch, std::uint64_t record,
                  const std::vector<std::uint64_t>& lines, ErasedFound& found) {
  for (const storage::RejectedRow& row : batch.rejected) {
    if (!std::binary_search(lines.begin(), lines.end(), row.line)) continue;
    found.rejected.emplace(record, batch.first_line + row.line - 1);
  }
}

}  // namespace

Result<ErasedFound> find_erased(const ErasedSearch& search, const std::stop_token& stop) {
  ErasedFound found;
  TRY_ASSIGN(std::set<std::string> ids, erased_ids(search, found));
  found.people = ids.size();
  if (ids.empty()) return found;
  ErasedLines lines(std::move(ids), search.decoder);
  if (found.has_lost_names) lines.ask_for_ids(search.is_suppressed);
  BatchWalk walk(search, stop);
  TRY(walk.run(lines, true, [&](const BatchPlace&, const DataBatch& batch) {
    lines.learn_claims(batch);
  }));
  TRY(walk.run(lines, true, [&](const BatchPlace&, const DataBatch& batch) {
    lines.learn_first_claims(batch);
  }));
  const bool may_lack = !walk.lost().empty() || !walk.unreachable().empty();
  if (may_lack) lines.ask(search.is_suppressed);
  TRY(walk.run(lines, false, [&](const BatchPlace& place, const DataBatch& batch) {
    std::vector<std::uint64_t> theirs = lines.find(batch);
    LinesByRecord& into =
        place.archive.empty() ? found.in_log : found.in_archive[place.archive];
    if (theirs.empty()) return;
    found.lines += theirs.size();
    note_refused(batch, place.record, theirs, found);
    into[place.record] = std::move(theirs);
  }));
  found.unreachable.assign(walk.unreachable().begin(), walk.unreachable().end());
  found.lost = walk.lost();
  return found;
}

Result<std::string> record_without(std::string_view bytes, const std::vector<std::uint64_t>& lines,
                                   const RowDecoder& decoder) {
  TRY_ASSIGN(storage::Record record, storage::decode(bytes));
  auto* const batch = std::get_if<DataBatch>(&record.body);
  if (batch == nullptr) return Error{ErrorCode::Corrupt, "a data batch became another record"};
  TRY(take_out(*batch, lines, decoder));
  forget_reasons(*batch, lines);
  batch->is_partial = true;
  return storage::encode(record);
}

}  // namespace muster::engine
