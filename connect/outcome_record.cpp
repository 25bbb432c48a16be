#include "connect/outcome_record.h"

#include <algorithm>
#include <concepts>
#include <limits>
#include <type_traits>

#include "base/bytes.h"
#include "connect/compress.h"

namespace muster::connect {
namespace {

constexpr std::uint8_t kFormat = 4;       // 4: bodies that are not gzip, shared identifiers.
constexpr std::uint8_t kNamesFormat = 3;  // 3: who is nameless or renamed, and digests of names.
constexpr std::uint8_t kCommonFormat = 2;  // 2: batches say how they are requested, runs who is
                                           // held out. All others than the above are written so.
constexpr std::uint8_t kOldestFormat = 1;
// Entries of one list in a record; a batch has at most 10,000 people.
constexpr std::uint64_t kEntriesMax = 1U << 20;

// One visitor writes, another reads; both walk the same fields in the same order, so that a field
// cannot be written and forgotten when reading.
class Writer {
 public:
  Writer(std::uint8_t format, std::string& out) : format_(format), bytes_(out), out_(out) {}

  void field(const std::uint64_t& value) { out_.varint(value); }
  void field(const unsigned& value) { out_.varint(value); }
  void field(const TimeMs& value) { out_.i64(value); }
  void field(const int& value) { out_.i64(value); }
  void field(const bool& value) { out_.u8(value ? 1 : 0); }
  void field(const std::string& value) { out_.text(value); }
  void field(const index::Bitmap& value) { out_.text(value.to_bytes()); }
  void field(const Operation& value) { out_.u8(static_cast<std::uint8_t>(value)); }
  void field(const std::vector<std::uint64_t>& values) {
    out_.varint(values.size());
    // As they stand: little-endian, which CMake asks for.
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]);
  }
  void field(const std::vector<std::uint32_t>& values) {
    out_.varint(values.size());
    for (const std::uint32_t value : values) out_.varint(value);
  }
  void field(const std::vector<std::pair<std::string, index::Bitmap>>& values) {
    out_.varint(values.size());
    for (const auto& [name, people] : values) {
      field(name);
      field(people);
    }
  }
  void field(const std::vector<std::pair<std::string, std::string>>& values) {
    out_.varint(values.size());
    for (const auto& [name, value] : values) {
      field(name);
      field(value);
    }
  }
  std::uint8_t format() const { return format_; }

 private:
  const std::uint8_t format_;
  std::string& bytes_;
  ByteWriter out_;
};

class Reader {
 public:
  Reader(std::uint8_t format, std::string_view bytes) : format_(format), in_(bytes) {}

  void field(std::uint64_t& value) { value = in_.varint(); }
  void field(unsigned& value) { value = static_cast<unsigned>(in_.varint()); }
  void field(TimeMs& value) { value = in_.i64(); }
  void field(int& value) { value = static_cast<int>(in_.i64()); }
  void field(bool& value) { value = in_.u8() != 0; }
  void field(std::string& value) { value = in_.text(); }
  void field(index::Bitmap& value) {
    auto read = index::Bitmap::from_bytes(in_.text());
    if (read) {
      value = std::move(*read);
    } else {
      bad_ = true;
    }
  }
  void field(Operation& value) {
    const std::uint8_t number = in_.u8();
    bad_ = bad_ || number > static_cast<std::uint8_t>(Operation::Remove);
    value = static_cast<Operation>(number);
  }
  void field(std::vector<std::uint64_t>& values) {
    values.resize(entries());
    for (std::uint64_t& value : values) value = in_.u64();
  }
  void field(std::vector<std::uint32_t>& values) {
    values.resize(entries());
    for (std::uint32_t& value : values) value = static_cast<std::uint32_t>(in_.varint());
  }
  void field(std::vector<std::pair<std::string, index::Bitmap>>& values) {
    values.resize(entries());
    for (auto& [name, people] : values) {
      field(name);
      field(people);
    }
  }
  void field(std::vector<std::pair<std::string, std::string>>& values) {
    values.resize(entries());
    for (auto& [name, value] : values) {
      field(name);
      field(value);
    }
  }
  std::uint8_t format() const { return format_; }
  bool whole() const { return !bad_ && !in_.failed() && in_.at_end(); }

 private:
  std::size_t entries() {
    const std::uint64_t count = in_.varint();
    if (count <= kEntriesMax && count <= in_.remaining()) return count;
    bad_ = true;
    return 0;
  }
  const std::uint8_t format_;
  ByteReader in_;
  bool bad_ = false;
};

template <typename Visitor, typename... Fields>
void each(Visitor& visitor, Fields&... fields) {
  (visitor.field(fields), ...);
}

// The fields of every record. R is the record, const when writing.
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RunRequested> {
  each(v, r.run, r.at);
  if (v.format() >= 2) each(v, r.whole, r.erased);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RunStarted> {
  each(v, r.run, r.requested_at, r.at, r.snapshot, r.sync_version, r.whole, r.audience, r.already,
       r.add, r.check, r.remove, r.blocked, r.excluded);
  if (v.format() < 2) return;
  each(v, r.split_key, r.assigned, r.held_out, r.events_from, r.events_to, r.events_until,
       r.contacts, r.erasure);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RunFailed> {
  each(v, r.run, r.requested_at, r.at, r.error);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Sorted> {
  each(v, r.run, r.unchanged, r.unidentifiable);
  if (v.format() >= 3) each(v, r.nameless, r.renamed);
  if (v.format() >= 4) each(v, r.following, r.identifiers, r.waiting, r.handed, r.heirs);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, BatchPlanned> {
  each(v, r.run, r.id, r.operation, r.gzip, r.people, r.digests, r.member_bytes, r.prefix_bytes,
       r.packed);
  if (v.format() < 2) return;
  each(v, r.separator_bytes, r.suffix_bytes, r.request.method, r.request.target,
       r.request.content_type, r.request.headers, r.known);
  if (v.format() >= 3) each(v, r.names);
  if (v.format() >= 4) each(v, r.identifiers);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, AttemptStarted> {
  each(v, r.id, r.number, r.at);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, AttemptFailed> {
  each(v, r.id, r.at, r.retry_at, r.hold_until, r.ambiguous, r.status, r.error);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Delivered> {
  each(v, r.id, r.at, r.status);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Rejected> {
  each(v, r.id, r.at, r.status, r.answer);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Split> {
  each(v, r.id, r.at, r.status, r.answer);
  walk(v, r.first);
  walk(v, r.second);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Dead> {
  each(v, r.id, r.at, r.ambiguous, r.error);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Revived> {
  each(v, r.id, r.at);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RunFinished> {
  each(v, r.run, r.at, r.error);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Forgotten> {
  each(v, r.at);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, DeliveredPartly> {
  each(v, r.id, r.at, r.status, r.rejected);
}

template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Cancelled> {
  each(v, r.run, r.at);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Following> {
  each(v, r.at, r.from);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Told> {
  each(v, r.id);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, Recut> {
  each(v, r.id, r.at, r.without, r.has_next);
  if (r.has_next) walk(v, r.next);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RemovalOwed> {
  each(v, r.sync, r.destination, r.person, r.who, r.erased_at, r.cannot);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RemovalSealed> {
  each(v, r.sync, r.person, r.who, r.sealed);
}
template <typename V, typename R>
void walk(V& v, R& r) requires std::same_as<std::remove_const_t<R>, RemovalSettled> {
  each(v, r.sync, r.person, r.at, r.given_up, r.reason);
}

bool fits_person(std::uint64_t person) {
  return person <= std::numeric_limits<index::Ordinal>::max();
}

// Batches are trusted by index later on: their lists must fit each other.
bool fits(const BatchPlanned& batch) {
  const std::uint64_t people = batch.people.count();
  return people > 0 && batch.member_bytes.size() == people && !batch.id.empty() &&
         batch.digests.size() == (batch.operation == Operation::Remove ? 0 : people) &&
         (batch.names.empty() || batch.names.size() == batch.digests.size()) &&
         (batch.identifiers.empty() || batch.identifiers.size() == batch.digests.size());
}

// Mostly a little more than it takes.
std::size_t about_bytes_of(const BatchPlanned& batch) {
  constexpr std::size_t kOthers = 1'024, kLengthBytes = 2;
  return kOthers + batch.packed.size() + batch.known.size() +
         batch.member_bytes.size() * kLengthBytes +
         (batch.digests.size() + batch.names.size() + batch.identifiers.size()) *
             sizeof(std::uint64_t);
}

// The oldest format that has a place for what it says.
std::uint8_t format_of(const BatchPlanned& batch) {
  const bool is_new = is_packed(batch.packed) || is_packed(batch.known) ||
                      !batch.identifiers.empty();
  if (is_new) return kFormat;
  return batch.names.empty() ? kCommonFormat : kNamesFormat;
}

std::uint8_t format_of(const OutcomeRecord& record) {
  if (const auto* sorted = std::get_if<Sorted>(&record)) {
    if (sorted->is_about_shared()) return kFormat;
    return sorted->tells_nameless ? kNamesFormat : kCommonFormat;
  }
  if (const auto* batch = std::get_if<BatchPlanned>(&record)) return format_of(*batch);
  if (const auto* split = std::get_if<Split>(&record)) {
    return std::max(format_of(split->first), format_of(split->second));
  }
  const auto* const recut = std::get_if<Recut>(&record);
  return recut != nullptr && recut->has_next ? format_of(recut->next) : kCommonFormat;
}

bool fits(const OutcomeRecord& record) {
  if (const auto* batch = std::get_if<BatchPlanned>(&record)) return fits(*batch);
  if (const auto* split = std::get_if<Split>(&record)) {
    return fits(split->first) && fits(split->second);
  }
  if (const auto* recut = std::get_if<Recut>(&record)) {
    return !recut->has_next || fits(recut->next);
  }
  if (const auto* owed = std::get_if<RemovalOwed>(&record)) return fits_person(owed->person);
  if (const auto* sealed = std::get_if<RemovalSealed>(&record)) return fits_person(sealed->person);
  if (const auto* done = std::get_if<RemovalSettled>(&record)) return fits_person(done->person);
  return true;
}

// The alternative with the number `kind`, read from `reader`.
template <std::size_t index = 0>
bool read_kind(std::size_t kind, Reader& reader, OutcomeRecord& record) {
  if constexpr (index < std::variant_size_v<OutcomeRecord>) {
    if (kind != index) return read_kind<index + 1>(kind, reader, record);
    walk(reader, record.emplace<index>());
    return true;
  } else {
    return false;
  }
}

}  // namespace

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::Add: return "add";
    case Operation::Change: return "change";
    case Operation::Remove: return "remove";
  }
  CHECK(!"every Operation has a name");
  return {};
}

std::string encode(const OutcomeRecord& record) {
  const std::uint8_t format = format_of(record);
  std::string out;
  if (const auto* batch = std::get_if<BatchPlanned>(&record)) out.reserve(about_bytes_of(*batch));
  out.push_back(static_cast<char>(format));
  out.push_back(static_cast<char>(record.index()));  // Stored: new kinds go to the end.
  Writer writer(format, out);
  std::visit([&writer](const auto& one) { walk(writer, one); }, record);
  return out;
}

Result<OutcomeRecord> decode_outcome(std::string_view payload) {
  const auto format = static_cast<std::uint8_t>(payload.empty() ? 0 : payload[0]);
  if (payload.size() < 2 || format < kOldestFormat || format > kFormat) {
    return Error{ErrorCode::Corrupt,
                 "A record of an export is of a format that this version does not know."};
  }
  OutcomeRecord record;
  Reader reader(format, payload.substr(2));
  if (!read_kind(static_cast<unsigned char>(payload[1]), reader, record)) {
    return Error{ErrorCode::Corrupt,
                 "A record of an export is of a kind that this version does not know."};
  }
  if (!reader.whole() || !fits(record)) {
    return Error{ErrorCode::Corrupt, "A record of an export is damaged."};
  }
  if (auto* const sorted = std::get_if<Sorted>(&record)) sorted->tells_nameless = format >= 3;
  return record;
}

}  // namespace muster::connect
