#include <limits>

#include "base/bytes.h"
#include "storage/checkpoint_store.h"

namespace muster::storage {
namespace {

constexpr std::uint8_t kFormat = 1;

Error damaged(const std::string& what) { return {ErrorCode::Corrupt, what}; }

}  // namespace

std::string encode(const Manifest& manifest) {
  std::string body;
  ByteWriter out(body);
  out.u8(kFormat);
  out.u64(manifest.sequence);
  out.u64(manifest.record.high);
  out.u64(manifest.record.low);
  out.i64(manifest.made);
  out.varint(manifest.sections.size());
  for (const auto& [name, place] : manifest.sections) {
    out.text(name);
    out.varint(place.file);
    out.varint(place.offset);
    out.varint(place.size);
    out.u64(place.hash.high);
    out.u64(place.hash.low);
  }
  std::string bytes;
  ByteWriter(bytes).u32(crc32c(body));
  return bytes + body;
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  ByteReader in(bytes);
  if (const std::uint32_t crc = in.u32(); in.failed() || crc != crc32c(bytes.substr(in.offset()))) {
    return damaged("its checksum does not fit its bytes");
  }
  if (const std::uint8_t format = in.u8(); format != kFormat) {
    return Error{ErrorCode::Unsupported, "it has format " + std::to_string(format) +
                                             ", which a newer version has made"};
  }
  Manifest manifest;
  manifest.sequence = in.u64();
  if (manifest.sequence == 0) return damaged("it is of no record");
  manifest.record.high = in.u64();
  manifest.record.low = in.u64();
  manifest.made = in.i64();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    SectionPlace& place = manifest.sections[std::string(in.text())];
    place.file = in.varint();
    place.offset = in.varint();
    place.size = in.varint();
    place.hash.high = in.u64();
    place.hash.low = in.u64();
  }
  if (in.failed() || !in.at_end()) return damaged("it ends in the middle of a section's place");
  return manifest;
}

}  // namespace muster::storage
