#include "connect/straight_writer.h"

#include <algorithm>

#include "base/check.h"

namespace muster::connect {
namespace {

void write_view(JsonWriter& json, const engine::ValueView& view) {
  if (const auto* text = std::get_if<std::string_view>(&view)) {
    json.text(*text);
  } else {
    json.value(engine::value_of(view));
  }
}

bool is_missing_view(const engine::ValueView& view) {
  return std::holds_alternative<Missing>(view);
}

}  // namespace

StraightWriter::StraightWriter(const std::vector<MappedField>& mapping, const StraightForm& form,
                               const engine::ProfileColumns& columns)
    : columns_(columns),
      sends_nulls_(form.nulls == Nulls::Send),
      id_is_enough_(form.identify_by->empty()) {
  CHECK(form.nulls != Nulls::Keep);
  std::size_t next = 0;
  for (const MappedField& field : mapping) {
    Source source{.field = &field, .fixed = {}, .ruled = {}, .column = nullptr};
    source.identifies = std::find(form.identify_by->begin(), form.identify_by->end(),
                                  field.name) != form.identify_by->end();
    const FieldRule rule = field.rule.over({});
    const bool is_asked =
        field.from == MappedFrom::Field || field.from == MappedFrom::Trait;
    const engine::ProfileColumn* const column = is_asked ? &columns.fields[next++] : nullptr;
    if (field.from == MappedFrom::Constant) {
      source.fixed.emplace();
      if (auto value = sent_as(rule, field.constant)) {
        source.fixed->values.push_back(std::move(*value));
      }
    } else if (column != nullptr && rule == FieldRule{}) {
      source.column = column;
    } else {
      add_ruled(source, column);
    }
    sources_.push_back(std::move(source));
  }
}

void StraightWriter::add_ruled(Source& source, const engine::ProfileColumn* column) const {
  const FieldRule rule = source.field->rule.over({});
  source.ruled.resize(columns_.ids.size());
  for (std::size_t i = 0; i < columns_.ids.size(); ++i) {
    MappedValue& mapped = source.ruled[i];
    const auto add = [&](const Value& value) {
      if (auto one = sent_as(rule, value)) mapped.values.push_back(std::move(*one));
    };
    if (column == nullptr) {
      add(Value(std::string(columns_.ids[i])));
      continue;
    }
    mapped.is_list = column->is_list;
    for (const engine::ValueView& view : column->of(i)) add(engine::value_of(view));
  }
}

bool StraightWriter::is_absent(const Source& source, std::size_t i) const {
  if (source.fixed) return source.fixed->is_absent();
  if (source.column == nullptr) return source.ruled[i].is_absent();
  const auto values = source.column->of(i);
  return std::all_of(values.begin(), values.end(), is_missing_view);
}

bool StraightWriter::identifies(std::size_t i) const {
  if (columns_.ids[i].empty()) return false;
  return id_is_enough_ ||
         std::any_of(sources_.begin(), sources_.end(), [&](const Source& source) {
           return source.identifies && !is_absent(source, i);
         });
}

void StraightWriter::write(JsonWriter& json, std::size_t i) const {
  json.begin_object().key("id").text(columns_.ids[i]);
  for (const Source& source : sources_) {
    const bool absent = is_absent(source, i);
    if (absent && !sends_nulls_) continue;
    json.key(source.field->name);
    if (absent) {
      json.null();
    } else {
      write_one(json, source, i);
    }
  }
  json.end_object();
}

// Requires that it is there.
void StraightWriter::write_one(JsonWriter& json, const Source& source, std::size_t i) const {
  if (source.fixed) {
    write_value(json, *source.fixed);
  } else if (source.column == nullptr) {
    write_value(json, source.ruled[i]);
  } else if (!source.column->is_list) {
    write_view(json, source.column->of(i).front());
  } else {
    json.begin_array();
    for (const engine::ValueView& view : source.column->of(i)) write_view(json, view);
    json.end_array();
  }
}

}  // namespace muster::connect
