#include "index/image/schema_image.h"

#include "index/image/field_type_image.h"
#include "index/image/section.h"

namespace muster::index {
namespace {

void write_texts(ByteWriter& out, const std::map<std::string, std::string>& texts) {
  out.varint(texts.size());
  for (const auto& [key, value] : texts) {
    out.text(key);
    out.text(value);
  }
}

std::map<std::string, std::string> read_texts(ByteReader& in) {
  std::map<std::string, std::string> texts;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    std::string key(in.text());
    texts[std::move(key)] = in.text();
  }
  return texts;
}

}  // namespace

std::string schema_bytes(const Schema& schema) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(schema.version);
  for (const std::string* name : {&schema.profile_id, &schema.event_profile,
                                  &schema.event_identifier, &schema.event_name, &schema.event_time,
                                  &schema.event_id, &schema.timezone}) {
    out.text(*name);
  }
  out.u8(static_cast<std::uint8_t>(schema.unknown));
  write_texts(out, schema.entity_ids);
  write_texts(out, schema.references);
  write_texts(out, schema.identifiers);
  out.varint(schema.userinfo.size());
  for (const auto& [source, info] : schema.userinfo) {
    out.text(source);
    out.text(info.key);
    out.text(info.identifier);
  }
  out.varint(schema.fields.size());
  for (const auto& [key, field] : schema.fields) {
    out.text(key);
    write_type(out, field.type);
    out.u8(field.declared ? 1 : 0);
    out.text(field.epoch);
  }
  return bytes;
}

Result<Schema> read_schema(std::string_view name, std::string_view bytes) {
  ByteReader in(bytes);
  Schema schema;
  schema.version = in.varint();
  for (std::string* text : {&schema.profile_id, &schema.event_profile, &schema.event_identifier,
                            &schema.event_name, &schema.event_time, &schema.event_id,
                            &schema.timezone}) {
    *text = in.text();
  }
  const std::uint8_t unknown = in.u8();
  if (unknown > static_cast<std::uint8_t>(UnknownPolicy::Reject)) in.fail();
  schema.unknown = static_cast<UnknownPolicy>(unknown);
  schema.entity_ids = read_texts(in);
  schema.references = read_texts(in);
  schema.identifiers = read_texts(in);
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    UserInfoSource& info = schema.userinfo[std::string(in.text())];
    info.key = in.text();
    info.identifier = in.text();
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    Field& field = schema.fields[std::string(in.text())];
    field.type = read_type(in);
    field.declared = in.u8() != 0;
    field.epoch = in.text();
  }
  if (in.failed() || !in.at_end()) return damaged_section(name, "the schema cannot be read");
  return schema;
}

}  // namespace muster::index
