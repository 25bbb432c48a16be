// What a load holds in memory follows LoadJob::chunk_bytes, not the size of the file.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <string>

#include "loader/load.h"
#include "tests/loader/decode.h"
#include "tests/loader/folder.h"

namespace muster::testing {
namespace {

// Bytes on the heap now; 0 where the sanitizers have their own.
std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Reads every request as an engine would, and notes the most that was on the heap meanwhile.
class WatchingTarget final : public loader::LoadTarget {
 public:
  Result<engine::IngestReceipt> send(const engine::IngestRequest& request) override {
    TRY_ASSIGN(const index::Batch batch, decode(request.format, request.bytes, request.csv_header));
    most_heap = std::max(most_heap, heap_bytes());
    largest = std::max(largest, request.bytes.size());
    engine::IngestReceipt receipt;
    receipt.accepted = batch.rows;
    return receipt;
  }
  Status declare(std::string_view) override { return Ok{}; }

  std::size_t most_heap = 0, largest = 0;
};

struct Held {
  std::size_t heap, largest;  // Bytes: more than before the load, and of one request.
};

Held load_by(const std::filesystem::path& file, std::size_t chunk_bytes) {
  WatchingTarget target;
  ManualClock clock(0);
  SeededRandom random(1);
  loader::LoadJob job;
  job.files = {{storage::TableKind::Profiles, "", file}};
  job.chunk_bytes = chunk_bytes;
  const std::size_t before = heap_bytes();
  const auto report = loader::load(job, {.target = &target,
                                         .clock = &clock,
                                         .random = &random,
                                         .sleep = [](std::chrono::milliseconds) {},
                                         .progress = {}});
  EXPECT_TRUE(report);
  return {std::max(target.most_heap, before) - before, target.largest};
}

TEST(LoadMemory, IsBoundedByTheChunkWhateverTheFile) {
  const Folder folder;
  std::string rows;
  while (rows.size() < (24U << 20)) {
    const std::string number = std::to_string(rows.size());
    rows += R"({"profile_id":"user-)" + number + R"(","city":"City of )" + number + "\"}\n";
  }
  const auto file = folder.write("people.ndjson", rows);
  for (const std::size_t chunk : {std::size_t{128} << 10, std::size_t{1} << 20}) {
    SCOPED_TRACE(chunk);
    const Held held = load_by(file, chunk);
    EXPECT_LE(held.largest, chunk + kLineBytesMax);
    EXPECT_LE(held.heap, 8 * chunk + (2U << 20)) << "chunk, batch, and a piece of the file";
  }
}

}  // namespace
}  // namespace muster::testing
