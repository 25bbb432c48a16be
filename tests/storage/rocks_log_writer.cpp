// Appends numbered records to the log of a directory and prints each number once it is
// acknowledged, until it is killed: rocks_log_writer DIRECTORY SEED
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/rocks_log.h"
#include "tests/storage/rocks_log_writer.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto log = muster::storage::RocksLog::open(argv[1]);
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    return 1;
  }
  muster::SeededRandom random(std::strtoull(argv[2], nullptr, 10));
  for (;;) {
    std::vector<std::string> records(1 + random.below(4));
    std::uint64_t sequence = (*log)->last_sequence();
    for (std::string& record : records) record = muster::storage::written_record(++sequence);
    if (auto status = (*log)->append(records); !status) {
      std::fprintf(stderr, "%s\n", status.error().message.c_str());
      return 1;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(sequence));
    std::fflush(stdout);
  }
}
