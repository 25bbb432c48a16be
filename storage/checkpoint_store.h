// Checkpoints on disk: sections of bytes under names, each with its checksum.
//
//   DIR/checkpoints/manifest-N  what the checkpoint of record N has, and where each section stands
//   DIR/checkpoints/blocks-N    sections that were new in the checkpoint of record N, end to end
//
// N with twenty digits. A section whose bytes are those of the checkpoint before is not written
// again: the manifest points into an older file of blocks. Once less than half of such a file is
// still pointed to, or there are too many, what is left of it is copied into the new one. A
// checkpoint and the one it was made from are kept, so that a damaged one leaves the one before;
// storage/format.md has every byte.
//
// Thread safety: one writer at a time; Checkpoint, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "index/image/section.h"
#include "storage/files.h"
#include "storage/keyring.h"

namespace muster::storage {

class PersonKeys;

// Where a section's bytes stand, and what they are.
struct SectionPlace {
  std::uint64_t file = 0;  // N of its file of blocks.
  std::uint64_t offset = 0, size = 0;
  Hash128 hash;
};

// What a manifest says.
struct Manifest {
  std::uint64_t sequence = 0;  // The last record that the checkpoint contains.
  Hash128 record;              // hash128 of that record's bytes: which log it belongs to.
  TimeMs made = 0;
  std::map<std::string, SectionPlace, std::less<>> sections;
};

std::string encode(const Manifest& manifest);
// Errors: Corrupt, saying what does not fit; Unsupported for a newer format.
Result<Manifest> decode_manifest(std::string_view bytes);

// One checkpoint, opened for reading; lives on while its files are deleted.
class Checkpoint final : public index::SectionSource {
 public:
  const Manifest& manifest() const { return manifest_; }
  // Cost: one read of the file, and a pass over the bytes for their checksum.
  // Errors: Corrupt, naming the section and the file.
  Result<std::string> read(std::string_view name) const override;
  std::vector<std::string> names(std::string_view prefix) const override;
  std::uint64_t bytes(std::string_view prefix) const override;

 private:
  friend class CheckpointStore;
  friend class CheckpointWriter;
  std::filesystem::path directory_;
  Manifest manifest_;
  struct Blocks {
    Descriptor file;
    FileCipher cipher;
  };
  // Some bytes of a file of blocks, as they were before they were encrypted.
  Result<std::string> read_place(const SectionPlace& place) const;
  std::map<std::uint64_t, Blocks> files_;  // By N.
};

// What writing one came to.
struct CheckpointWritten {
  std::uint64_t sequence = 0;
  std::uint64_t sections = 0, bytes = 0;                  // All of it.
  std::uint64_t sections_written = 0, bytes_written = 0;  // Of it, not there before.
};

class CheckpointWriter {
 public:
  ~CheckpointWriter();  // Without finish(), nothing of it stays.
  CheckpointWriter(CheckpointWriter&&) noexcept;

  // Adds a section, written unless the last checkpoint has the same bytes under this name.
  // Errors: StorageFull before the disk is: room for the log stays free.
  Result<SectionPlace> add(const std::string& name, std::string_view bytes);
  // Adds a section that stands already, in the last checkpoint's files.
  // Errors: as add(), and Corrupt when what stands there has to be copied and is damaged.
  Result<SectionPlace> carry(const std::string& name, const SectionPlace& place);
  // Makes the checkpoint count: syncs its blocks, then its manifest, and then deletes what no kept
  // checkpoint needs.
  Result<CheckpointWritten> finish();

 private:
  friend class CheckpointStore;
  struct State;
  static void delete_others(const State& state);
  explicit CheckpointWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What a checkpoint may have in common with the one before.
enum class Share { Sections, Nothing };

class CheckpointStore {
 public:
  // In DIR/checkpoints of the data directory, which is made with the first checkpoint. With `keys`
  // its files are encrypted; with `people` what is one person's alone is sealed beside that.
  explicit CheckpointStore(const std::filesystem::path& data,
                           std::shared_ptr<const Keyring> keys = {},
                           std::shared_ptr<PersonKeys> people = {});

  // The checkpoints that are there, newest first, by the names of their manifests alone.
  std::vector<std::uint64_t> sequences() const;
  // Errors: Corrupt, naming the file; NotFound.
  Result<std::shared_ptr<const Checkpoint>> open(std::uint64_t sequence) const;
  // Begins the checkpoint of a record; `before`: the newest sound one, or null. It is kept, and
  // what is the same in both stands once, unless nothing is to be shared.
  Result<CheckpointWriter> begin(std::uint64_t sequence, const Hash128& record, TimeMs made,
                                 std::shared_ptr<const Checkpoint> before,
                                 Share share = Share::Sections) const;

  // Deletes manifests that a killed process began.  Requires that none is being written.
  Status remove_left_over() const;

  const std::filesystem::path& directory() const { return directory_; }
  const Keyring* keys() const { return keys_.get(); }
  PersonKeys* person_keys() const { return people_.get(); }
  std::filesystem::path manifest_file(std::uint64_t sequence) const;
  std::filesystem::path blocks_file(std::uint64_t number) const;

 private:
  // Files of blocks that the next checkpoint is to leave behind.
  static Result<std::set<std::uint64_t>> sparse_files(const CheckpointStore& store,
                                                      const Checkpoint& before);

  std::filesystem::path directory_;
  std::shared_ptr<const Keyring> keys_;
  std::shared_ptr<PersonKeys> people_;
};

}  // namespace muster::storage
