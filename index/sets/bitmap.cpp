#include "index/sets/bitmap.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace muster::index {
namespace {

// The portable Roaring format. Source: github.com/RoaringBitmap/RoaringFormatSpec, 2025.
constexpr std::uint32_t kCookieWithoutRuns = 12'346;
constexpr std::uint32_t kCookieWithRuns = 12'347;  // In the low 16 bits; containers - 1 above.
constexpr std::uint32_t kContainersMax = 65'536;   // One for each value of the high 16 bits.
constexpr std::uint32_t kArrayMax = 4'096;         // More members than this stand as bits.
constexpr std::uint32_t kOffsetsFrom = 4;          // Fewer containers with runs have no offsets.
constexpr std::size_t kBlockWords = 1'024;
constexpr std::size_t kBitsetBytes = kBlockWords * sizeof(std::uint64_t);
// Up to this many runs are added as ranges; more are spelled out, which costs less.
constexpr std::size_t kRangesMax = 64;

// Appends the members that `words` names to `out`.
void append_members(std::uint32_t block, std::span<const std::uint64_t> words,
                    std::vector<Ordinal>& out) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::uint32_t base = (block << 16) + static_cast<std::uint32_t>(i * 64);
    for (std::uint64_t word = words[i]; word != 0; word &= word - 1) {
      out.push_back(base + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
  }
}

// Walks the bytes once, front to back, and adds each container to `into` when it is proven sound.
class PortableReader {
 public:
  PortableReader(std::string_view bytes, roaring_bitmap_s* into) : bytes_(bytes), into_(into) {}

  Status read() {
    TRY(read_header());
    for (std::uint32_t i = 0; i < containers_; ++i) {
      const std::uint32_t key = key_of(i);
      const std::uint32_t cardinality = cardinality_of(i);
      if (is_run(i)) {
        TRY(read_runs(key));
      } else if (cardinality <= kArrayMax) {
        TRY(read_array(key, cardinality));
      } else {
        TRY(read_bits(key, cardinality));
      }
    }
    if (at_ != bytes_.size()) {
      return error(std::to_string(bytes_.size() - at_) + " bytes stand behind its end");
    }
    return Ok{};
  }

 private:
  Error error(const std::string& what) const {
    return {ErrorCode::Corrupt, "the bitmap is damaged at byte " + std::to_string(at_) + ": " +
                                    what};
  }

  bool has(std::size_t size) const { return bytes_.size() - at_ >= size; }

  template <typename T>
  T number_at(std::size_t offset) const {
    T value{};
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::uint32_t key_of(std::uint32_t i) const {
    return number_at<std::uint16_t>(table_ + std::size_t{i} * 4);
  }
  std::uint32_t cardinality_of(std::uint32_t i) const {
    return number_at<std::uint16_t>(table_ + std::size_t{i} * 4 + 2) + 1U;
  }
  bool is_run(std::uint32_t i) const {
    return with_runs_ && (number_at<std::uint8_t>(run_flags_ + i / 8) >> (i % 8) & 1) != 0;
  }

  // Cookie, number of containers, run flags, the table of keys and cardinalities, and offsets.
  Status read_header() {
    if (!has(4)) return error("it is shorter than its 4-byte cookie");
    const std::uint32_t cookie = number_at<std::uint32_t>(0);
    at_ = 4;
    with_runs_ = (cookie & 0xffff) == kCookieWithRuns;
    if (with_runs_) {
      containers_ = (cookie >> 16) + 1;
      run_flags_ = at_;
      if (!has((containers_ + 7) / 8)) return error("it ends inside its run flags");
      at_ += (containers_ + 7) / 8;
    } else if (cookie == kCookieWithoutRuns) {
      if (!has(4)) return error("it ends before its number of containers");
      containers_ = number_at<std::uint32_t>(at_);
      if (containers_ > kContainersMax) return error("it names more than 65,536 containers");
      at_ += 4;
    } else {
      at_ = 0;
      return error("it does not begin with the cookie 12346 or 12347");
    }
    return read_table();
  }

  Status read_table() {
    table_ = at_;
    if (!has(std::size_t{containers_} * 4)) return error("it ends inside its table of keys");
    for (std::uint32_t i = 1; i < containers_; ++i) {
      at_ = table_ + std::size_t{i} * 4;
      if (key_of(i) <= key_of(i - 1)) return error("its keys do not increase");
    }
    at_ = table_ + std::size_t{containers_} * 4;
    // The offsets repeat what the containers say in order, so they are skipped, as CRoaring does:
    // a writer that got them wrong lost no member.
    if (!with_runs_ || containers_ >= kOffsetsFrom) {
      if (!has(std::size_t{containers_} * 4)) return error("it ends inside its offsets");
      at_ += std::size_t{containers_} * 4;
    }
    return Ok{};
  }

  Status read_array(std::uint32_t key, std::uint32_t cardinality) {
    if (!has(std::size_t{cardinality} * 2)) return error("it ends inside an array");
    members_.clear();
    std::uint32_t previous = 0;
    for (std::uint32_t i = 0; i < cardinality; ++i) {
      const std::uint32_t low = number_at<std::uint16_t>(at_);
      if (i > 0 && low <= previous) return error("the members of an array do not increase");
      members_.push_back(key << 16 | low);
      previous = low;
      at_ += 2;
    }
    roaring_bitmap_add_many(into_, members_.size(), members_.data());
    return Ok{};
  }

  Status read_bits(std::uint32_t key, std::uint32_t cardinality) {
    if (!has(kBitsetBytes)) return error("it ends inside a block of bits");
    std::memcpy(words_.data(), bytes_.data() + at_, kBitsetBytes);
    members_.clear();
    append_members(key, words_, members_);
    if (members_.size() != cardinality) {
      return error("a block of " + std::to_string(members_.size()) + " members is said to have " +
                   std::to_string(cardinality));
    }
    roaring_bitmap_add_many(into_, members_.size(), members_.data());
    at_ += kBitsetBytes;
    return Ok{};
  }

  // The cardinality in the table is not used for runs: CRoaring ignores it too, and what the runs
  // say is whole by itself.
  Status read_runs(std::uint32_t key) {
    if (!has(2)) return error("it ends before a number of runs");
    const std::size_t runs = number_at<std::uint16_t>(at_);
    if (runs == 0) return error("a container of runs has none");
    if (!has(2 + runs * 4)) return error("it ends inside its runs");
    at_ += 2;
    members_.clear();
    std::uint32_t free_from = 0;  // The next run must not begin before this.
    for (std::size_t i = 0; i < runs; ++i) {
      const std::uint32_t first = number_at<std::uint16_t>(at_);
      const std::uint32_t last = first + number_at<std::uint16_t>(at_ + 2);
      if (last > 0xffff) return error("a run goes past the end of its container");
      if (first < free_from) return error("its runs overlap, touch or do not increase");
      if (runs <= kRangesMax) {
        roaring_bitmap_add_range_closed(into_, key << 16 | first, key << 16 | last);
      } else {
        for (std::uint32_t low = first; low <= last; ++low) members_.push_back(key << 16 | low);
      }
      free_from = last + 2;
      at_ += 4;
    }
    roaring_bitmap_add_many(into_, members_.size(), members_.data());
    return Ok{};
  }

  std::string_view bytes_;
  roaring_bitmap_s* into_;
  std::size_t at_ = 0;
  std::uint32_t containers_ = 0;
  bool with_runs_ = false;
  std::size_t run_flags_ = 0, table_ = 0;  // Offsets of the run flags and of the table.
  std::vector<Ordinal> members_;           // Of one container, at most 65,536.
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(kBlockWords);
};

roaring_bitmap_s* checked(roaring_bitmap_s* made) {
  if (made == nullptr) throw std::bad_alloc();  // CRoaring has no other reason.
  return made;
}

}  // namespace

Bitmap::Bitmap() : roaring_(checked(roaring_bitmap_create())) {}

Bitmap::Bitmap(const Bitmap& other) : roaring_(checked(roaring_bitmap_copy(other.roaring_))) {}

Bitmap::Bitmap(Bitmap&& other) noexcept : roaring_(std::exchange(other.roaring_, nullptr)) {}

Bitmap& Bitmap::operator=(Bitmap other) noexcept {
  std::swap(roaring_, other.roaring_);
  return *this;
}

Bitmap::~Bitmap() {
  if (roaring_ != nullptr) roaring_bitmap_free(roaring_);
}

Bitmap Bitmap::from_sorted(std::span<const Ordinal> ordinals) {
  Bitmap bitmap;
  bitmap.add_sorted(ordinals);
  return bitmap;
}

Result<Bitmap> Bitmap::from_bytes(std::string_view bytes) {
  Bitmap bitmap;
  TRY(PortableReader(bytes, bitmap.roaring_).read());
  roaring_bitmap_run_optimize(bitmap.roaring_);
  return bitmap;
}

std::string Bitmap::to_bytes() const {
  Bitmap compact(*this);
  roaring_bitmap_run_optimize(compact.roaring_);
  std::string bytes(roaring_bitmap_portable_size_in_bytes(compact.roaring_), '\0');
  const std::size_t written = roaring_bitmap_portable_serialize(compact.roaring_, bytes.data());
  CHECK(written == bytes.size());
  return bytes;
}

bool Bitmap::add(Ordinal ordinal) { return roaring_bitmap_add_checked(roaring_, ordinal); }

bool Bitmap::remove(Ordinal ordinal) { return roaring_bitmap_remove_checked(roaring_, ordinal); }

void Bitmap::add_block(std::uint32_t block, std::span<const std::uint64_t> words) {
  CHECK(block < kContainersMax && words.size() == kBlockWords);
  std::size_t members = 0;
  for (const std::uint64_t word : words) members += static_cast<std::size_t>(std::popcount(word));
  if (members == kContainersMax) {
    roaring_bitmap_add_range_closed(roaring_, block << 16, block << 16 | 0xffff);
    return;
  }
  std::vector<Ordinal> ordinals;
  ordinals.reserve(members);
  append_members(block, words, ordinals);
  add_sorted(ordinals);
}

void Bitmap::add_sorted(std::span<const Ordinal> ordinals) {
  if (!ordinals.empty()) roaring_bitmap_add_many(roaring_, ordinals.size(), ordinals.data());
}

bool Bitmap::contains(Ordinal ordinal) const { return roaring_bitmap_contains(roaring_, ordinal); }

std::uint64_t Bitmap::count() const { return roaring_bitmap_get_cardinality(roaring_); }

Ordinal Bitmap::select(std::uint64_t n) const {
  CHECK(n < count());
  Ordinal ordinal = 0;
  CHECK(roaring_bitmap_select(roaring_, static_cast<std::uint32_t>(n), &ordinal));
  return ordinal;
}

// By an iterator: the library's range of ranks spells out every block that it touches.
std::vector<Ordinal> Bitmap::slice(Ordinal from, std::size_t limit) const {
  const std::uint64_t before = from == 0 ? 0 : roaring_bitmap_rank(roaring_, from - 1);
  const std::size_t size = std::min<std::size_t>(limit, count() - before);
  std::vector<Ordinal> members(size);
  if (size == 0) return members;
  roaring_uint32_iterator_t iterator;
  roaring_init_iterator(roaring_, &iterator);
  CHECK(roaring_move_uint32_iterator_equalorlarger(&iterator, from));
  const std::uint32_t read = roaring_read_uint32_iterator(&iterator, members.data(),
                                                          static_cast<std::uint32_t>(size));
  CHECK(read == size);
  return members;
}

std::vector<Ordinal> Bitmap::to_vector() const {
  std::vector<Ordinal> members(count());
  if (!members.empty()) roaring_bitmap_to_uint32_array(roaring_, members.data());
  return members;
}

bool Bitmap::operator==(const Bitmap& other) const {
  return roaring_bitmap_equals(roaring_, other.roaring_);
}

Bitmap intersect(const Bitmap& a, const Bitmap& b) {
  return Bitmap(checked(roaring_bitmap_and(a.roaring_, b.roaring_)));
}

Bitmap unite(const Bitmap& a, const Bitmap& b) {
  return Bitmap(checked(roaring_bitmap_or(a.roaring_, b.roaring_)));
}

Bitmap subtract(const Bitmap& a, const Bitmap& b) {
  return Bitmap(checked(roaring_bitmap_andnot(a.roaring_, b.roaring_)));
}

}  // namespace muster::index
