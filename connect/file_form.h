// How people stand in a file: NDJSON, CSV with a line of names, or a set of their ordinals.
//
// Source: RFC 4180 (CSV), portable Roaring (the set of /v1/members?format=roaring).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/composer.h"
#include "connect/document_reader.h"

namespace muster::connect {

enum class FileFormat : std::uint8_t { Ndjson, Csv, Roaring };
std::string_view name_of(FileFormat format);  // Also the end of a file's name.

inline constexpr std::size_t kFileFoldersMax = 4;

// In the place of the method of a batch that becomes a file; its target is the beginning of a name.
inline constexpr std::string_view kFileMethod = "FILE";

struct FileTarget {
  std::string directory;  // Below the operator's: plain names with '/' between them, or "".
  FileFormat format = FileFormat::Ndjson;
};

// "directory" and "format" of a document.
// Errors: InvalidArgument with the JSON pointer.
Result<FileTarget> read_file_target(const DocumentReader& reader);

// Requires document.file.
std::unique_ptr<Composer> make_file_composer(const SyncDocument& sync,
                                             const DestinationDocument& document);

}  // namespace muster::connect
