// What an id costs, in bytes and in time, beside std::unordered_map.
//
// A look-up in a large dictionary is bound by cache misses: bucket, place, bytes. One at a time
// they follow each other; in a batch those of different keys overlap. Ids are asked for in random
// order. Times are those the thread spent on its core.
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "index/dictionary.h"

namespace muster::bench {
namespace {

constexpr std::size_t kAsked = 1U << 20;  // Look-ups timed.
constexpr std::size_t kBatch = 4'096;     // Rows of a request, roughly.

double nanoseconds() {
  timespec spent{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0);
  return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
}

std::string uuid_of(std::uint64_t number) {
  SeededRandom random(number);
  const std::uint64_t a = random.next(), b = random.next();
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xffff,
                     b >> 48, b & 0xffff'ffff'ffff);
}

std::string short_id_of(std::uint64_t number) {
  return "user-" + std::to_string(number);
}

using Naming = std::function<std::string(std::uint64_t)>;

struct Costs {
  double add = 0, single = 0, batch = 0;  // Nanoseconds an id.
  double bytes = 0;                       // An id, the key's own stored bytes included.
};

std::vector<std::string> asked_ids(const Naming& name, std::uint64_t ids) {
  SeededRandom random(7);
  std::vector<std::string> asked(std::min<std::size_t>(kAsked, ids));
  for (auto& id : asked)
    id = name(random.below(ids));
  return asked;
}

Costs of_dictionary(const Naming& name, std::uint64_t ids) {
  index::DictionaryWriter writer;
  Costs costs;
  std::vector<std::string> texts(kBatch);
  std::vector<std::uint32_t> codes(kBatch);
  for (std::uint64_t from = 0; from < ids; from += kBatch) {
    texts.resize(std::min<std::size_t>(kBatch, ids - from));
    for (std::size_t i = 0; i < texts.size(); ++i)
      texts[i] = name(from + i);
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const double start = nanoseconds();
    writer.add_batch(views, std::span(codes).first(views.size()));
    costs.add += nanoseconds() - start;
  }
  costs.add /= static_cast<double>(ids);
  costs.bytes = static_cast<double>(writer.bytes()) / static_cast<double>(ids);
  const std::vector<std::string> asked = asked_ids(name, ids);
  const std::vector<std::string_view> views(asked.begin(), asked.end());
  const index::Dictionary dictionary = writer.snapshot();
  std::uint64_t sum = 0, batch_sum = 0;
  double start = nanoseconds();
  for (const auto id : views)
    sum += *dictionary.find(id);
  costs.single = (nanoseconds() - start) / static_cast<double>(views.size());
  codes.resize(views.size());
  start = nanoseconds();
  dictionary.find_batch(views, codes);
  costs.batch = (nanoseconds() - start) / static_cast<double>(views.size());
  for (const std::uint32_t code : codes)
    batch_sum += code;
  CHECK(sum == batch_sum);
  return costs;
}

Costs of_unordered_map(const Naming& name, std::uint64_t ids) {
  Costs costs;
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  std::unordered_map<std::string, std::uint32_t> map;
  for (std::uint64_t i = 0; i < ids; ++i) {
    std::string id = name(i);
    const double start = i % 64 == 0 ? nanoseconds() : 0;
    map.emplace(std::move(id), static_cast<std::uint32_t>(i));
    if (start > 0) costs.add += nanoseconds() - start;
  }
  costs.add /= static_cast<double>((ids + 63) / 64);
  const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  costs.bytes = static_cast<double>(after - before) / static_cast<double>(ids);
  const std::vector<std::string> asked = asked_ids(name, ids);
  std::uint64_t sum = 0;
  const double start = nanoseconds();
  for (const std::string& id : asked)
    sum += map.find(id)->second;
  costs.single = (nanoseconds() - start) / static_cast<double>(asked.size());
  CHECK(sum > 0);
  return costs;
}

void run(std::uint64_t ids) {
  const std::pair<const char*, Naming> namings[] = {{"user-N", short_id_of}, {"UUID", uuid_of}};
  for (const auto& [what, name] : namings) {
    double key_bytes = 0;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      key_bytes += static_cast<double>(name(i * (ids / 1'000 + 1) % ids).size()) / 1e3;
    }
    const Costs ours = of_dictionary(name, ids);
    const Costs map = of_unordered_map(name, ids);
    const bool uuids = index::KeyForm(name(0)).is_uuid();
    const double stored = uuids ? static_cast<double>(index::kUuidBytes) : key_bytes;
    fmt::print("{} ids {:7}: {:5.1f} B an id beside {:.1f} B of key (goal 12)  {}\n", ids, what,
               ours.bytes - stored, stored, ours.bytes - stored <= 12 ? "PASS" : "SHORT");
    fmt::print("  dictionary     add {:6.1f} ns   find {:6.1f} ns   in batches {:6.1f} ns\n",
               ours.add, ours.single, ours.batch);
    fmt::print("  unordered_map  add {:6.1f} ns   find {:6.1f} ns   {:5.1f} B an id with its key\n",
               map.add, map.single, map.bytes);
  }
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  const std::uint64_t ids = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  if (ids == 0) {
    std::fputs("usage: ids_bench [NUMBER OF IDS]\n", stderr);
    return EXIT_FAILURE;
  }
  muster::bench::run(ids);
  return EXIT_SUCCESS;
}
