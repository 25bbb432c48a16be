#include "connect/file_form.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/json_writer.h"
#include "connect/destination_document.h"
#include "connect/known_people.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

constexpr std::array kFormats{FileFormat::Ndjson, FileFormat::Csv, FileFormat::Roaring};
constexpr std::size_t kFolderBytesMax = 64;

bool is_folder_name(std::string_view name) {
  return !name.empty() && name.size() <= kFolderBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

bool is_directory(std::string_view text) {
  std::size_t folders = 0;
  while (!text.empty()) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    if (!is_folder_name(text.substr(0, slash)) || ++folders > kFileFoldersMax) return false;
    const bool ends_in_slash = slash + 1 == text.size();
    if (ends_in_slash) return false;
    text.remove_prefix(std::min(slash + 1, text.size()));
  }
  return true;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + "\"";
}

std::string csv_cell(const MappedValue& value) {
  if (value.is_absent()) return {};
  if (!value.is_list) return csv_cell(text_of(value.values.front()));
  JsonWriter json;
  write_value(json, value);
  return csv_cell(json.str());
}

class FileComposer final : public PeopleComposer {
 public:
  FileComposer(const SyncDocument& sync, const DestinationDocument& document)
      : PeopleComposer(sync, document), format_(document.file->format) {}

  std::string member(const BatchScope& scope, const Person& person) const override {
    if (format_ == FileFormat::Roaring) return {};
    const bool only_id = scope.operation == Operation::Remove;
    if (format_ == FileFormat::Ndjson) {
      return only_id ? member_json({}, person, nulls_) : member_json(mapping_, person, nulls_);
    }
    std::string row = csv_cell(person.id);
    for (std::size_t i = 0; i < mapping_.size() && !only_id; ++i) {
      row += "," + csv_cell(person.values[i]);
    }
    return row;
  }

  Envelope envelope(const BatchScope& scope, const Person&) const override {
    Envelope envelope;
    envelope.request.method = kFileMethod;
    envelope.request.target = std::string(scope.sync) + ".run-" + std::to_string(scope.run) + "." +
                              std::string(name_of(scope.operation));
    if (format_ == FileFormat::Roaring) return envelope;
    envelope.separator = "\n";
    envelope.suffix = "\n";
    if (format_ == FileFormat::Csv) {
      envelope.prefix = "id";
      for (const MappedField& field : mapping_) {
        if (scope.operation != Operation::Remove) envelope.prefix += "," + csv_cell(field.name);
      }
      envelope.prefix += "\n";
    }
    return envelope;
  }
  std::uint64_t digest(const BatchScope&, const Person& person) const override {
    // Who is in a set does not change with their values.
    if (format_ == FileFormat::Roaring) return 1;
    return digest_of(person);
  }
  std::string known(const Person& person) const override {
    static const std::vector<std::string> none;
    return known_text(mapping_, person, nulls_ == Nulls::Keep ? nullptr : &none);
  }

 private:
  FileFormat format_;
};

}  // namespace

std::string_view name_of(FileFormat format) {
  switch (format) {
    case FileFormat::Ndjson: return "ndjson";
    case FileFormat::Csv: return "csv";
    case FileFormat::Roaring: return "roaring";
  }
  CHECK(!"every FileFormat has a name");
  return {};
}

Result<FileTarget> read_file_target(const DocumentReader& reader) {
  FileTarget target;
  TRY_ASSIGN(const auto directory, reader.text("directory", 512));
  target.directory = directory.value_or("");
  if (!is_directory(target.directory)) {
    return reader.wrong("directory", "up to four names of letters, digits, '-', '_' and '.', with "
                                     "'/' between them, belong here.");
  }
  TRY_ASSIGN(const std::string format, reader.required_text("format", 64));
  for (const FileFormat known : kFormats) {
    target.format = known;
    if (name_of(known) == format) return target;
  }
  return reader.wrong("format", "'ndjson', 'csv' or 'roaring' belongs here.");
}

std::unique_ptr<Composer> make_file_composer(const SyncDocument& sync,
                                             const DestinationDocument& document) {
  CHECK(document.file.has_value());
  return std::make_unique<FileComposer>(sync, document);
}

}  // namespace muster::connect
