#include "connect/batch_parts.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "connect/compress.h"
#include "connect/known_people.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

using index::Ordinal;

// Errors: Corrupt unless it has the length that its parts make.
Result<std::string> body_of(const BatchPlanned& batch) {
  TRY_ASSIGN(std::string body, unpack(batch.packed, kBodyUnpackedMax));
  std::size_t expected = batch.prefix_bytes + batch.suffix_bytes +
                         (batch.member_bytes.size() - 1) * batch.separator_bytes;
  for (const std::uint32_t size : batch.member_bytes) expected += size;
  if (expected == body.size()) return body;
  return Error{ErrorCode::Corrupt, "A stored delivery does not have the length it should have."};
}

// Those at these places, ascending, as a batch of their own.
Result<BatchPlanned> part_of(const BatchPlanned& batch, const std::string& body,
                             std::span<const std::size_t> places, std::string id) {
  const std::vector<Ordinal> people = batch.people.to_vector();
  std::vector<BatchMember> members;
  std::size_t at = batch.prefix_bytes;
  const Envelope envelope{
      .prefix = body.substr(0, batch.prefix_bytes),
      .separator = body.substr(at + batch.member_bytes[0], batch.separator_bytes),
      .suffix = body.substr(body.size() - batch.suffix_bytes),
      .request = batch.request};
  std::size_t next = 0;
  for (std::size_t i = 0; i < people.size() && next < places.size(); ++i) {
    const std::size_t size = batch.member_bytes[i];
    if (places[next] == i) {
      members.push_back({.ordinal = people[i], .text = body.substr(at, size),
                         .digest = batch.digests.empty() ? 0 : batch.digests[i], .known = {},
                         .name = batch.names.empty() ? 0 : batch.names[i],
                         .identifier = batch.identifiers.empty() ? 0 : batch.identifiers[i]});
      ++next;
    }
    at += size + batch.separator_bytes;
  }
  BatchPlanned part = compose(envelope, members, batch.operation, batch.gzip);
  part.run = batch.run;
  part.id = std::move(id);
  TRY_ASSIGN(part.known, known_part(batch, places));
  return part;
}

}  // namespace

void enclose(const Envelope& envelope, std::string_view members, BatchPlanned& batch,
             std::string* body) {
  std::string whole;
  whole.reserve(envelope.prefix.size() + members.size() + envelope.suffix.size());
  whole.append(envelope.prefix).append(members).append(envelope.suffix);
  batch.request = envelope.request;
  batch.prefix_bytes = static_cast<std::uint32_t>(envelope.prefix.size());
  batch.separator_bytes = static_cast<std::uint32_t>(envelope.separator.size());
  batch.suffix_bytes = static_cast<std::uint32_t>(envelope.suffix.size());
  batch.packed = batch.gzip ? gzip_pack(whole) : pack(whole);
  if (body != nullptr && !batch.gzip) *body = std::move(whole);
}

BatchPlanned compose(const Envelope& envelope, std::span<const BatchMember> members,
                     Operation operation, bool gzip, std::string* body) {
  BatchPlanned batch{.operation = operation, .gzip = gzip};
  std::string texts;
  std::vector<std::string> known;
  for (const BatchMember& member : members) {
    if (!batch.member_bytes.empty()) texts += envelope.separator;
    texts += member.text;
    batch.people.add(member.ordinal);
    batch.member_bytes.push_back(static_cast<std::uint32_t>(member.text.size()));
    if (operation == Operation::Remove) continue;
    batch.digests.push_back(member.digest);
    if (!member.known.empty()) known.push_back(member.known);
    if (member.name != 0) batch.names.push_back(member.name);
    batch.identifiers.push_back(member.identifier);
  }
  const auto is_none = [](std::uint64_t identifier) { return identifier == 0; };
  if (std::all_of(batch.identifiers.begin(), batch.identifiers.end(), is_none)) {
    batch.identifiers.clear();
  }
  enclose(envelope, texts, batch, body);
  if (!known.empty()) batch.known = pack_known(known);
  return batch;
}

Result<std::pair<BatchPlanned, BatchPlanned>> split(const BatchPlanned& batch,
                                                    std::string first_id,
                                                    std::string second_id) {
  const std::size_t people = batch.member_bytes.size();
  CHECK(people > 1);
  TRY_ASSIGN(const std::string body, body_of(batch));
  std::vector<std::size_t> places(people);
  std::iota(places.begin(), places.end(), std::size_t{0});
  const std::span<const std::size_t> all = places;
  TRY_ASSIGN(BatchPlanned first,
             part_of(batch, body, all.first(people / 2), std::move(first_id)));
  TRY_ASSIGN(BatchPlanned second,
             part_of(batch, body, all.subspan(people / 2), std::move(second_id)));
  return std::pair(std::move(first), std::move(second));
}

Result<BatchPlanned> cut_out(const BatchPlanned& batch, const index::Bitmap& people,
                             std::string id) {
  TRY_ASSIGN(const std::string body, body_of(batch));
  std::vector<std::size_t> places;
  const std::vector<Ordinal> all = batch.people.to_vector();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!people.contains(all[i])) places.push_back(i);
  }
  CHECK(!places.empty());
  return part_of(batch, body, places, std::move(id));
}

}  // namespace muster::connect
