#include "engine/derive/raw_history.h"

#include "storage/archive.h"

namespace muster::engine {

Status RawHistory::read(std::uint64_t first, std::uint64_t last, const Visit& visit) {
  return storage::read_range(log_, first, last,
                             [&](std::uint64_t sequence, std::string_view bytes) {
                               return take(sequence, bytes, visit);
                             });
}

Status RawHistory::take(std::uint64_t sequence, std::string_view bytes, const Visit& visit) {
  TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
  if (head.is_outcome || head.is_changes) return Ok{};
  TRY_ASSIGN(storage::Record record, storage::decode(bytes));
  const auto* const retired = std::get_if<storage::Retired>(&record.body);
  if (retired == nullptr) return visit(sequence, std::move(record));
  return visit_archived(sequence, retired->archive, visit);
}

Status RawHistory::visit_archived(std::uint64_t sequence, const std::string& file,
                                  const Visit& visit) {
  if (!file.empty() && file != loaded_) load(file);
  const auto found = file.empty() ? records_.end() : records_.find(sequence);
  if (found == records_.end()) {
    ++lost_;
    return Ok{};
  }
  TRY_ASSIGN(storage::Record record, storage::decode(found->second));
  return visit(sequence, std::move(record));
}

// One file at a time: they follow each other in the log.
void RawHistory::load(const std::string& file) {
  loaded_ = file;
  records_.clear();
  const auto keep = [&](std::uint64_t sequence, std::string_view record) -> Status {
    records_.emplace(sequence, record);
    return Ok{};
  };
  const bool is_name = !archive_.empty() && file.find('/') == std::string::npos;
  if (is_name && storage::read_archive(archive_ / file, keep, keys_)) return;
  records_.clear();
  unreachable_.insert(file);
}

}  // namespace muster::engine
