#include "tests/storage/storage_support.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "base/random.h"

namespace muster::storage {

std::uint64_t seed_of_run() {
  const char* const given = std::getenv("MUSTER_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : SystemRandom().next();
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace_content(const std::filesystem::path& file, std::string_view content) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  CHECK(out.good());
}

Result<std::vector<std::string>> records_of(Log& log, std::uint64_t first) {
  std::vector<std::string> records;
  std::uint64_t next = first;
  TRY(log.read(first, [&](std::uint64_t sequence, std::string_view record) -> Status {
    CHECK(sequence == next);
    ++next;
    records.emplace_back(record);
    return Ok{};
  }));
  return records;
}

}  // namespace muster::storage
