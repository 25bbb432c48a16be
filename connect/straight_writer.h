// The texts of people in our own form, written from their columns into one buffer: what
// member_json() makes of each, byte by byte, without a Person of its own for anybody.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "connect/mapping/mapped_field.h"
#include "connect/sync_document.h"
#include "connect/text_buffer.h"
#include "engine/profile_columns.h"

namespace muster::connect {

// How a composer words people, where that is in our own form.
struct StraightForm {
  Nulls nulls = Nulls::Send;                              // Not Keep.
  const std::vector<std::string>* identify_by = nullptr;  // Mapped names; empty: the id will do.
};

class StraightWriter {
 public:
  // `columns` were asked for with asked_fields(mapping); all outlive the writer.
  StraightWriter(const std::vector<MappedField>& mapping, const StraightForm& form,
                 const engine::ProfileColumns& columns);

  // What has_any() says of the i-th of them.
  bool identifies(std::size_t i) const;
  // Behind what is there.
  void write(TextBuffer& out, std::size_t i);

 private:
  // Where the value of one mapped field comes from: the first of these that is there.
  struct Source {
    const MappedField* field = nullptr;
    std::string key;                            // ,"name":
    std::optional<std::string> fixed;           // The same for all; "" where it is absent.
    std::vector<MappedValue> ruled;             // By person: normalised, hashed.
    const engine::ProfileColumn* column = nullptr;  // As it is.
    bool identifies = false;
  };

  void add_ruled(Source& source, const engine::ProfileColumn* column) const;
  bool is_absent(const Source& source, std::size_t i) const;
  void write_one(TextBuffer& out, const Source& source, std::size_t i);
  void write_view(TextBuffer& out, const engine::ValueView& view);
  void write_mapped(TextBuffer& out, const MappedValue& value);

  const engine::ProfileColumns& columns_;
  const bool sends_nulls_;
  const bool id_is_enough_;
  std::vector<Source> sources_;
  JsonWriter other_;  // Of values that are no texts.
};

}  // namespace muster::connect
