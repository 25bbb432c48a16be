#include "engine/raw_retention.h"

#include <optional>

#include "base/hash.h"
#include "storage/archive.h"
#include "storage/record.h"

namespace muster::engine {
namespace {

using storage::Replacement;

constexpr std::size_t kGroupRecords = 4'096;
constexpr std::uint64_t kGroupBytes = 256U << 20;

// A group on its way: what leaves, and the archive file that it goes to.
class Group {
 public:
  Group(const std::filesystem::path& archive, const storage::Keyring* keys)
      : archive_(archive), keys_(keys) {}

  bool is_full() const { return retired_.size() >= kGroupRecords || bytes_ >= kGroupBytes; }

  Status add(std::uint64_t sequence, std::string_view record, TimeMs received) {
    if (!archive_.empty() && !file_) {
      TRY_ASSIGN(auto begun, storage::ArchiveWriter::begin(archive_, keys_));
      file_.emplace(std::move(begun));
    }
    if (file_) TRY(file_->add(sequence, record));
    retired_.push_back({sequence, received, {hash128(record), record.size(), {}}});
    bytes_ += record.size();
    return Ok{};
  }

  Result<std::vector<Replacement>> finish() {
    std::string name;
    if (file_) {
      TRY_ASSIGN(name, file_->finish());
    }
    std::vector<Replacement> replacements;
    for (Leaving& one : retired_) {
      one.retired.archive = name;
      replacements.push_back(
          {one.sequence, storage::encode({one.received, 0, std::move(one.retired)})});
    }
    return replacements;
  }

 private:
  struct Leaving {
    std::uint64_t sequence = 0;
    TimeMs received = 0;
    storage::Retired retired;
  };
  const std::filesystem::path& archive_;
  const storage::Keyring* const keys_;
  std::optional<storage::ArchiveWriter> file_;
  std::vector<Leaving> retired_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<std::vector<Replacement>> RawRetention::next(std::uint64_t end, TimeMs now) {
  if (end == 0) return std::vector<Replacement>();
  Group group(archive_, keys_);
  std::uint64_t nothing_until = looked_at_;
  bool is_young = false, has_any = false;
  const auto one = [&](std::uint64_t sequence, std::string_view bytes) -> Status {
    TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
    is_young = head.received >= now - keep_;
    // Records stand in the order of their times: behind a young one there is none to retire.
    if (is_young || group.is_full()) return Error{ErrorCode::Conflict, "enough"};
    if (head.is_data_batch) {
      TRY(group.add(sequence, bytes, head.received));
      has_any = true;
    } else if (!has_any) {
      nothing_until = sequence;
      if (head.is_retired) note_retired(sequence);
    }
    return Ok{};
  };
  Status read = storage::read_range(log_, looked_at_ + 1, end - 1, one);
  if (!read && !is_young && !group.is_full()) {
    return Error{read.error().code, "data batches could not be retired: " + read.error().message};
  }
  looked_at_ = nothing_until;
  return group.finish();
}

void RawRetention::done(const std::vector<Replacement>& replaced) {
  for (const Replacement& one : replaced) note_retired(one.sequence);
  if (!replaced.empty()) looked_at_ = replaced.back().sequence;
}

void RawRetention::note_retired(std::uint64_t sequence) {
  if (!unreclaimed_) unreclaimed_ = Span{sequence, sequence};
  unreclaimed_->last = sequence;
}

}  // namespace muster::engine
