#include "connect/straight_writer.h"

#include <algorithm>

#include "base/check.h"

namespace muster::connect {
namespace {

constexpr std::string_view kNull = "null";

bool is_missing_view(const engine::ValueView& view) {
  return std::holds_alternative<Missing>(view);
}

std::string key_of(const std::string& name) {
  JsonWriter json;
  json.text(name);
  return "," + json.take() + ":";
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
    Source source{.field = &field, .key = key_of(field.name), .fixed = {}, .ruled = {},
                  .column = nullptr};
    source.identifies = std::find(form.identify_by->begin(), form.identify_by->end(),
                                  field.name) != form.identify_by->end();
    const FieldRule rule = field.rule.over({});
    const bool is_asked =
        field.from == MappedFrom::Field || field.from == MappedFrom::Trait;
    const engine::ProfileColumn* const column = is_asked ? &columns.fields[next++] : nullptr;
    if (field.from == MappedFrom::Constant) {
      source.fixed.emplace();
      if (auto value = sent_as(rule, field.constant)) {
        JsonWriter json;
        json.value(*value);
        source.fixed = json.take();
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
  if (source.fixed) return source.fixed->empty();
  if (source.column == nullptr) return source.ruled[i].is_absent();
  if (!source.column->is_list) return is_missing_view(source.column->values[i]);
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

void StraightWriter::write(TextBuffer& out, std::size_t i) {
  out.put(R"({"id":)");
  out.put_text(columns_.ids[i]);
  for (const Source& source : sources_) {
    const bool absent = is_absent(source, i);
    if (absent && !sends_nulls_) continue;
    out.put(source.key);
    if (absent) {
      out.put(kNull);
    } else {
      write_one(out, source, i);
    }
  }
  out.put('}');
}

// Requires that it is there.
void StraightWriter::write_one(TextBuffer& out, const Source& source, std::size_t i) {
  if (source.fixed) {
    out.put(*source.fixed);
  } else if (source.column == nullptr) {
    write_mapped(out, source.ruled[i]);
  } else if (!source.column->is_list) {
    write_view(out, source.column->values[i]);
  } else {
    out.put('[');
    bool is_first = true;
    for (const engine::ValueView& view : source.column->of(i)) {
      if (!is_first) out.put(',');
      is_first = false;
      write_view(out, view);
    }
    out.put(']');
  }
}

void StraightWriter::write_view(TextBuffer& out, const engine::ValueView& view) {
  if (const auto* text = std::get_if<std::string_view>(&view)) {
    out.put_text(*text);
    return;
  }
  other_.clear();
  other_.value(engine::value_of(view));
  out.put(other_.str());
}

// A hash, mostly.
void StraightWriter::write_mapped(TextBuffer& out, const MappedValue& value) {
  const auto* const text =
      value.is_list ? nullptr : std::get_if<std::string>(&value.values.front());
  if (text != nullptr) {
    out.put_text(*text);
    return;
  }
  other_.clear();
  write_value(other_, value);
  out.put(other_.str());
}

}  // namespace muster::connect
