#include "storage/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/time.h"
#include "index/sets/bitmap.h"
#include "storage/checkpoint_store.h"
#include "storage/key_files.h"
#include "storage/key_slots.h"
#include "storage/record.h"
#include "storage/rocks_log.h"
#include "storage/suppression.h"
#include "storage/watermark.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// In the order of RecordBody's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<RecordBody>> kKindNames = {
    "data batch", "declaration", "document change", "erasure", "outcome", "clock tick",
    "retired batch", "compaction", "membership changes", "changes horizon",
    "segment history", "events horizon"};
static_assert(!kKindNames.back().empty());  // A new kind has a name.
// More damage than this in one log is not worth a line each.
constexpr std::size_t kFindingsMax = 100;

struct Totals {
  std::uint64_t records = 0, bytes = 0;
};

struct FileSize {
  std::string name;
  std::uint64_t bytes = 0;
};

// One checkpoint, as its manifest and its sections say.
struct CheckpointFound {
  std::uint64_t sequence = 0, sections = 0, bytes = 0;
  std::optional<TimeMs> made;
};

// A file of keys.
struct KeyFileFound {
  std::string name;
  std::uint64_t slots = 0, destroyed = 0;
  std::uint32_t data_key = 0;  // Which one wraps it.
};

// Everything the report says.
struct Contents {
  bool is_encrypted = false;
  std::map<std::uint32_t, KeyUse> data_keys;  // What stands under each.
  std::uint64_t watermark = 0;
  Totals log;
  std::uint64_t first_sequence = 0, last_sequence = 0;
  std::optional<TimeMs> first_time, last_time;
  std::array<Totals, kKindNames.size()> kinds;
  std::uint64_t raw_bytes = 0, accepted = 0, rejected = 0, skipped = 0;
  std::map<std::string, std::uint64_t> documents;  // By kind: how many stand now.
  SuppressionMark mark;                      // The log's newest.
  bool has_suppression = false;
  std::uint64_t suppressed = 0;              // Erasures in the suppression file.
  std::vector<CheckpointFound> checkpoints;  // Newest first.
  std::vector<KeyFileFound> key_files;
  std::vector<FileSize> files;
  std::vector<std::string> findings;
};

// Reads the log once and adds up what it says.
class Reader {
 public:
  explicit Reader(Contents& contents) : contents_(contents) {}

  Status read(Log& log) {
    return log.read(1, [this](std::uint64_t sequence, std::string_view bytes) -> Status {
      add(sequence, bytes);
      return Ok{};
    });
  }

  void finish() {
    for (const auto& [key, state] : documents_) {
      if (!state.deleted) ++contents_.documents[key.first];
    }
  }

 private:
  struct DocumentState {
    std::uint64_t version = 0;
    bool deleted = false;
  };

  void find(std::uint64_t sequence, const std::string& what) {
    if (contents_.findings.size() > kFindingsMax) return;
    const bool last = contents_.findings.size() == kFindingsMax;
    contents_.findings.push_back(last ? "and more"
                                      : fmt::format("record {}: {}", sequence, what));
  }

  void add(std::uint64_t sequence, std::string_view bytes) {
    if (contents_.log.records == 0) contents_.first_sequence = sequence;
    contents_.last_sequence = sequence;
    ++contents_.log.records;
    contents_.log.bytes += bytes.size();
    const auto record = decode(bytes);
    if (!record) {
      find(sequence, record.error().message);
      return;
    }
    if (!contents_.first_time) contents_.first_time = record->received;
    contents_.last_time = record->received;
    Totals& kind = contents_.kinds[record->body.index()];
    ++kind.records;
    kind.bytes += bytes.size();
    if (const auto* batch = std::get_if<DataBatch>(&record->body)) add_batch(*batch);
    const auto* erasure = std::get_if<Erasure>(&record->body);
    if (erasure != nullptr && erasure->mark.erasures != 0) contents_.mark = erasure->mark;
    if (const auto* change = std::get_if<DocumentChange>(&record->body)) {
      add_change(sequence, *change);
    }
  }

  void add_batch(const DataBatch& batch) {
    contents_.raw_bytes += batch.raw.size();
    contents_.accepted += batch.accepted;
    contents_.rejected += batch.rejected.size();
    contents_.skipped += batch.skipped.size();
  }

  void add_change(std::uint64_t sequence, const DocumentChange& change) {
    if (change.version == 0) return;  // What the engine keeps for itself has none, and ends so.
    DocumentState& state = documents_[{change.kind, change.id}];
    if (change.version != state.version + 1) {
      find(sequence, fmt::format("version {} of {} '{}' follows version {}", change.version,
                                 change.kind, change.id, state.version));
    }
    state = {change.version, change.deleted};
    if (change.blob.empty()) return;
    if (const auto people = index::Bitmap::from_bytes(change.blob); !people) {
      find(sequence, people.error().message);
    }
  }

  Contents& contents_;
  std::map<std::pair<std::string, std::string>, DocumentState> documents_;
};

std::vector<FileSize> files_of(const fs::path& directory) {
  std::vector<FileSize> files;
  std::error_code failed;
  fs::recursive_directory_iterator it(directory, failed);
  for (const fs::recursive_directory_iterator end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;  // A server beside us deletes files as it goes.
    const std::uint64_t bytes = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (gone || !it->is_regular_file(gone)) continue;
    files.push_back({it->path().lexically_relative(directory).string(), bytes});
  }
  std::sort(files.begin(), files.end(),
            [](const FileSize& a, const FileSize& b) { return a.name < b.name; });
  return files;
}

bool is_damage(const Error& error) { return error.code == ErrorCode::Corrupt; }

// Every section of every checkpoint against its checksum.
void read_checkpoints(const fs::path& directory, const std::shared_ptr<const Keyring>& keys,
                      Contents& contents) {
  const CheckpointStore store(directory, keys);
  for (const std::uint64_t sequence : store.sequences()) {
    CheckpointFound found{.sequence = sequence};
    const auto checkpoint = store.open(sequence);
    if (checkpoint) {
      found.made = (*checkpoint)->manifest().made;
      for (const auto& [name, place] : (*checkpoint)->manifest().sections) {
        ++found.sections;
        found.bytes += place.size;
        if (const auto bytes = (*checkpoint)->read(name); !bytes) {
          contents.findings.push_back(bytes.error().message);
        }
      }
    } else if (std::error_code gone; fs::exists(store.manifest_file(sequence), gone)) {
      contents.findings.push_back(checkpoint.error().message);
    }
    contents.checkpoints.push_back(found);
  }
}

void read_suppression(const fs::path& directory, Contents& contents) {
  const fs::path file = directory / "suppression";
  std::error_code failed;
  contents.has_suppression = fs::exists(file, failed);
  if (!contents.has_suppression) return;  // A backup has none.
  const auto suppression = Suppression::open(file);
  if (suppression) contents.suppressed = (*suppression)->size();
  const Status sound =
      suppression ? (*suppression)->check(contents.mark) : Status(suppression.error());
  if (!sound) contents.findings.push_back(sound.error().message);
}

// Every key is opened.
void read_key_files(const fs::path& directory, const Keyring& keys, Contents& contents) {
  const auto format = DataDirectory::has_key_files(directory);
  if (!format || !*format) return;
  for (const auto& [name, use] : {std::pair("person-keys", SlotUse::People),
                                  std::pair("batch-keys", SlotUse::Batches)}) {
    KeyFileFound found{.name = name};
    const auto slots = KeySlots::open(directory / name, use, keys, LogAccess::ReadOnly);
    if (slots) {
      found = {name, (*slots)->size(), (*slots)->destroyed_count(), (*slots)->wrapped_with()};
    }
    const Status sound = slots ? (*slots)->check() : Status(slots.error());
    if (!sound) contents.findings.push_back(sound.error().message);
    contents.key_files.push_back(std::move(found));
  }
}

Result<Contents> contents_of(const fs::path& directory,
                             const std::shared_ptr<const Keyring>& keys) {
  Contents contents;
  contents.is_encrypted = keys != nullptr;
  auto log = RocksLog::open(directory, {.access = LogAccess::ReadOnly, .keys = keys});
  if (!log && !is_damage(log.error())) return std::move(log.error());
  contents.files = files_of(directory);
  if (keys) read_key_files(directory, *keys, contents);
  if (const auto number = Watermark::read(directory / "watermark")) contents.watermark = *number;
  if (keys) {
    TRY_ASSIGN(const std::vector<KeyedFile> files, keyed_files(directory));
    for (const std::uint32_t number : keys->numbers()) contents.data_keys[number] = {};
    for (const auto& [number, use] : use_of_keys(files)) contents.data_keys[number] = use;
  }
  if (!log) {
    contents.findings.push_back(log.error().message);
    return contents;
  }
  contents.watermark = (*log)->opened_watermark();
  read_checkpoints(directory, keys, contents);
  Reader reader(contents);
  if (auto status = reader.read(**log); !status) {
    if (!is_damage(status.error())) return std::move(status.error());
    contents.findings.push_back(status.error().message);
  }
  reader.finish();
  read_suppression(directory, contents);
  return contents;
}

std::uint32_t format_of(const Contents& contents) {
  if (!contents.is_encrypted) return 1;
  return contents.key_files.empty() ? kEncryptedFormat : kKeyedFormat;
}

std::string time_or_none(const std::optional<TimeMs>& time) {
  return time ? to_rfc3339(*time) : "none";
}

std::string report_for_a_person(const fs::path& directory, const Contents& contents) {
  std::string text;
  const auto line = [&text](const std::string& content) { text += content + "\n"; };
  line(fmt::format("data directory   {}", directory.string()));
  line(fmt::format("data format      {}", format_of(contents)));
  line(fmt::format("encryption       {}", contents.is_encrypted ? "AES-256-CTR" : "none"));
  for (const auto& [number, use] : contents.data_keys) {
    line(fmt::format("data key         {}: {} files, {} bytes", number, use.files, use.bytes));
  }
  line(fmt::format("watermark        {} acknowledged", contents.watermark));
  line(fmt::format("log              {} records, {} bytes, numbers {} to {}", contents.log.records,
                   contents.log.bytes, contents.first_sequence, contents.last_sequence));
  line(fmt::format("received         {} to {}", time_or_none(contents.first_time),
                   time_or_none(contents.last_time)));
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    const Totals& kind = contents.kinds[i];
    line(fmt::format("  {:<18} {:>10} records {:>14} bytes", kKindNames[i], kind.records,
                     kind.bytes));
  }
  line(fmt::format("rows             {} accepted, {} rejected, {} taken before, {} raw bytes",
                   contents.accepted, contents.rejected, contents.skipped, contents.raw_bytes));
  for (const auto& [kind, count] : contents.documents) {
    line(fmt::format("documents        {} {}", count, kind));
  }
  line(fmt::format("suppression      {} erasures{}", contents.suppressed,
                   !contents.has_suppression && contents.mark.erasures != 0
                       ? fmt::format("; a server needs a file with {}", contents.mark.erasures)
                       : ""));
  for (const KeyFileFound& found : contents.key_files) {
    line(fmt::format("keys             {}: {} slots, {} destroyed, under data key {}", found.name,
                     found.slots, found.destroyed, found.data_key));
  }
  for (const CheckpointFound& found : contents.checkpoints) {
    line(fmt::format("checkpoint       of record {}, {}, {} sections, {} bytes", found.sequence,
                     time_or_none(found.made), found.sections, found.bytes));
  }
  for (const FileSize& file : contents.files) {
    line(fmt::format("file             {:<44} {:>14} bytes", file.name, file.bytes));
  }
  for (const std::string& finding : contents.findings) line("DAMAGE           " + finding);
  line(contents.findings.empty() ? "sound            yes" : "sound            NO");
  return text;
}

// Writes {"structure": name, ...} and a line end.
template <typename Members>
void add_object(std::string& text, std::string_view name, const Members& members) {
  JsonWriter json;
  json.begin_object().key("structure").text(name);
  members(json);
  json.end_object();
  text += json.str() + "\n";
}

void add_time(JsonWriter& json, std::string_view key, const std::optional<TimeMs>& time) {
  json.key(key);
  if (time) {
    json.text(to_rfc3339(*time));
  } else {
    json.null();
  }
}

void add_data_keys(std::string& text, const Contents& contents) {
  for (const auto& [number, use] : contents.data_keys) {
    add_object(text, "data_key", [&](JsonWriter& json) {
      json.key("number").number(number).key("files").number(use.files);
      json.key("bytes").number(use.bytes);
    });
  }
}

void add_key_file(std::string& text, const KeyFileFound& found) {
  add_object(text, "keys", [&](JsonWriter& json) {
    json.key("name").text(found.name).key("slots").number(found.slots);
    json.key("destroyed").number(found.destroyed).key("data_key").number(found.data_key);
  });
}

std::string report_for_a_program(const fs::path& directory, const Contents& contents) {
  std::string text;
  add_object(text, "directory", [&](JsonWriter& json) {
    json.key("path").text(directory.string()).key("format").number(format_of(contents));
    json.key("encrypted").boolean(contents.is_encrypted);
  });
  add_data_keys(text, contents);
  add_object(text, "watermark", [&](JsonWriter& json) {
    json.key("acknowledged").number(contents.watermark);
  });
  add_object(text, "log", [&](JsonWriter& json) {
    json.key("records").number(contents.log.records).key("bytes").number(contents.log.bytes);
    json.key("first_sequence").number(contents.first_sequence);
    json.key("last_sequence").number(contents.last_sequence);
    add_time(json, "first_received", contents.first_time);
    add_time(json, "last_received", contents.last_time);
  });
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    add_object(text, "records", [&](JsonWriter& json) {
      json.key("kind").text(kKindNames[i]).key("records").number(contents.kinds[i].records);
      json.key("bytes").number(contents.kinds[i].bytes);
    });
  }
  add_object(text, "rows", [&](JsonWriter& json) {
    json.key("accepted").number(contents.accepted).key("rejected").number(contents.rejected);
    json.key("taken_before").number(contents.skipped);
    json.key("raw_bytes").number(contents.raw_bytes);
  });
  for (const auto& [kind, count] : contents.documents) {
    add_object(text, "documents", [&](JsonWriter& json) {
      json.key("kind").text(kind).key("count").number(count);
    });
  }
  add_object(text, "suppression", [&](JsonWriter& json) {
    json.key("erasures").number(contents.suppressed);
    json.key("needed").number(contents.mark.erasures);
  });
  for (const KeyFileFound& found : contents.key_files) add_key_file(text, found);
  for (const CheckpointFound& found : contents.checkpoints) {
    add_object(text, "checkpoint", [&](JsonWriter& json) {
      json.key("record").number(found.sequence);
      add_time(json, "made", found.made);
      json.key("sections").number(found.sections).key("bytes").number(found.bytes);
    });
  }
  for (const FileSize& file : contents.files) {
    add_object(text, "file", [&](JsonWriter& json) {
      json.key("name").text(file.name).key("bytes").number(file.bytes);
    });
  }
  for (const std::string& finding : contents.findings) {
    add_object(text, "damage", [&](JsonWriter& json) { json.key("message").text(finding); });
  }
  add_object(text, "summary", [&](JsonWriter& json) {
    json.key("sound").boolean(contents.findings.empty());
  });
  return text;
}

}  // namespace

Result<Inspection> inspect(const fs::path& directory, InspectForm form,
                           const std::shared_ptr<const Keyring>& keys) {
  TRY_ASSIGN(const Contents contents, contents_of(directory, keys));
  return Inspection{.report = form == InspectForm::Text
                                  ? report_for_a_person(directory, contents)
                                  : report_for_a_program(directory, contents),
                    .sound = contents.findings.empty()};
}

}  // namespace muster::storage
