#include "engine/id_runs.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "index/image/writer_image.h"

namespace muster::engine {
namespace {

constexpr std::size_t kPieceIds = 1U << 20;
constexpr std::size_t kMerged = 8;  // Runs of one size that become one.
constexpr unsigned kSmallestBits = 18;  // Runs of fewer ids count as of one size.

unsigned tier_of(std::uint64_t ids) {
  const auto bits = static_cast<unsigned>(std::bit_width(ids));
  return bits <= kSmallestBits ? 0 : (bits - kSmallestBits + 2) / 3;
}

bool before_in_order(const IdRuns::Slot& a, const IdRuns::Slot& b) {
  return a.id.low != b.id.low ? a.id.low < b.id.low : a.id.high < b.id.high;
}

// "event-ids/0000000064/0000000003" is a piece of run "event-ids/0000000064".
std::string run_of(const std::string& piece) { return piece.substr(0, piece.rfind('/')); }

}  // namespace

// A run that is read piece by piece, or ids in memory.
class IdRuns::Source {
 public:
  explicit Source(std::span<const Slot> ids) : ids_(ids) {}
  Source(const Run& run, const storage::Checkpoint& checkpoint)
      : pieces_(run.pieces), checkpoint_(&checkpoint) {}

  // Whether there is a next one, which head() then is.
  Result<bool> fill() {
    while (ids_.empty()) {
      if (pieces_.empty()) return false;
      TRY_ASSIGN(const std::string bytes, checkpoint_->read(pieces_.front().first));
      pieces_ = pieces_.subspan(1);
      read_.resize(bytes.size() / sizeof(Slot));
      std::memcpy(read_.data(), bytes.data(), read_.size() * sizeof(Slot));
      ids_ = read_;
    }
    return true;
  }
  const Slot& head() const { return ids_.front(); }
  void pop() { ids_ = ids_.subspan(1); }

 private:
  std::span<const Slot> ids_;
  std::span<const Piece> pieces_;
  const storage::Checkpoint* checkpoint_ = nullptr;
  std::vector<Slot> read_;
};

IdRuns IdRuns::of(const storage::Checkpoint& checkpoint) {
  IdRuns runs;
  std::string last;
  for (const std::string& name : checkpoint.names("event-ids/")) {
    if (run_of(name) != last) runs.runs_.emplace_back();
    last = run_of(name);
    const storage::SectionPlace& place = checkpoint.manifest().sections.at(name);
    runs.runs_.back().pieces.emplace_back(name, place);
    runs.runs_.back().ids += place.size / sizeof(Slot);
  }
  return runs;
}

Result<IdRuns::Run> IdRuns::merge(std::span<const Run> runs, std::span<const Slot> fresh,
                                  const storage::Checkpoint* before, std::uint64_t sequence,
                                  storage::CheckpointWriter& writer) {
  std::vector<Source> sources{Source(fresh)};
  for (const Run& run : runs) sources.emplace_back(run, *before);
  Run merged;
  std::vector<Slot> piece;
  const auto write_piece = [&]() -> Status {
    const std::string name =
        index::section_name({"event-ids", index::section_number(sequence),
                             index::section_number(merged.pieces.size())});
    TRY_ASSIGN(const storage::SectionPlace place,
               writer.add(name, index::WriterImage::id_bytes(piece)));
    merged.pieces.emplace_back(name, place);
    merged.ids += piece.size();
    piece.clear();
    return Ok{};
  };
  for (;;) {
    Source* least = nullptr;
    for (Source& source : sources) {
      TRY_ASSIGN(const bool more, source.fill());
      if (more && (least == nullptr || before_in_order(source.head(), least->head()))) {
        least = &source;
      }
    }
    if (least == nullptr) break;
    piece.push_back(least->head());
    least->pop();
    if (piece.size() == kPieceIds) TRY(write_piece());
  }
  if (!piece.empty()) TRY(write_piece());
  return merged;
}

Result<IdRuns> IdRuns::write(storage::CheckpointWriter& writer, const storage::Checkpoint* before,
                             std::span<const Slot> fresh, std::uint64_t sequence) const {
  std::size_t stay = runs_.size();
  std::uint64_t ids = fresh.size();
  for (bool grows = !fresh.empty(); grows;) {
    std::size_t first = stay;
    while (first > 0 && tier_of(runs_[first - 1].ids) <= tier_of(ids)) --first;
    grows = stay - first + 1 >= kMerged;
    if (!grows) break;
    for (; stay > first; --stay) ids += runs_[stay - 1].ids;
  }
  IdRuns written;
  for (std::size_t i = 0; i < stay; ++i) {
    Run& run = written.runs_.emplace_back();
    run.ids = runs_[i].ids;
    for (const auto& [name, place] : runs_[i].pieces) {
      TRY_ASSIGN(const storage::SectionPlace carried, writer.carry(name, place));
      run.pieces.emplace_back(name, carried);
    }
  }
  if (fresh.empty()) return written;
  TRY_ASSIGN(Run merged,
             merge(std::span(runs_).subspan(stay), fresh, before, sequence, writer));
  written.runs_.push_back(std::move(merged));
  return written;
}

}  // namespace muster::engine
