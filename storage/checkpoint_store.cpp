#include "storage/checkpoint_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <ranges>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// A manifest has a hundred bytes a section, and a section is a block of 65,536 people or a run.
constexpr std::size_t kManifestBytesMax = 1U << 30;
// Files of blocks that one checkpoint points into: each is open while the checkpoint is. Of more,
// the smallest are copied into the new one until half as many are left.
constexpr std::size_t kFilesMax = 32;
constexpr std::string_view kManifest = "manifest-", kBlocks = "blocks-";

fs::path numbered(const fs::path& directory, std::string_view head, std::uint64_t number) {
  return directory / fmt::format("{}{:020}", head, number);
}

// N of "HEAD-N"; nothing for any other name.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view head) {
  if (!name.starts_with(head)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + head.size(), end, number);
  if (error != std::errc{} || at != end) return std::nullopt;
  return number;
}

// Errors: Unavailable when the directory cannot be read; one that is not there has no files.
Result<std::vector<std::uint64_t>> numbers_in(const fs::path& directory, std::string_view head) {
  std::vector<std::uint64_t> numbers;
  const auto names = names_in(directory);
  if (!names && names.error().code != ErrorCode::NotFound) return names.error();
  if (!names) return numbers;
  for (const std::string& name : *names) {
    if (const auto number = number_of(name, head)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  return numbers;
}

Error damaged_file(const fs::path& file, const std::string& what) {
  return {ErrorCode::Corrupt, "the checkpoint's file " + file.string() + " is damaged: " + what};
}

Result<std::string> read_at(const Descriptor& file, const fs::path& path, std::uint64_t offset,
                            std::uint64_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file.get(), bytes.data() + done, size - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path, errno);
    if (got == 0) return damaged_file(path, "it is cut");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Result<std::uint64_t> size_of(const Descriptor& file, const fs::path& path) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return file_error("look at", path, errno);
  return static_cast<std::uint64_t>(found.st_size);
}

// The sections whose names begin so.
auto below(const Manifest& manifest, std::string_view prefix) {
  const auto first = manifest.sections.lower_bound(prefix);
  const auto last = std::find_if(first, manifest.sections.end(), [prefix](const auto& section) {
    return !section.first.starts_with(prefix);
  });
  return std::ranges::subrange(first, last);
}

// Bytes of each file of blocks that the manifest points to.
std::map<std::uint64_t, std::uint64_t> bytes_by_file(const Manifest& manifest) {
  std::map<std::uint64_t, std::uint64_t> bytes;
  for (const auto& [name, place] : manifest.sections) bytes[place.file] += place.size;
  return bytes;
}

}  // namespace

// --- Reading -----------------------------------------------------------------------------------

Result<std::string> Checkpoint::read_place(const SectionPlace& place) const {
  const Blocks& blocks = files_.at(place.file);
  const fs::path path = numbered(directory_, kBlocks, place.file);
  TRY_ASSIGN(std::string bytes, read_at(blocks.file, path, place.offset, place.size));
  blocks.cipher.apply(place.offset, bytes.data(), bytes.size());
  return bytes;
}

Result<std::string> Checkpoint::read(std::string_view name) const {
  const auto found = manifest_.sections.find(name);
  if (found == manifest_.sections.end()) {
    return index::damaged_section(name, "the checkpoint does not have it");
  }
  const SectionPlace& place = found->second;
  const fs::path path = numbered(directory_, kBlocks, place.file);
  TRY_ASSIGN(std::string bytes, read_place(place));
  if (hash128(bytes) != place.hash) {
    return damaged_file(path, "section '" + std::string(name) + "' at byte " +
                                  std::to_string(place.offset) + " does not fit its checksum");
  }
  return bytes;
}

std::vector<std::string> Checkpoint::names(std::string_view prefix) const {
  std::vector<std::string> names;
  for (const auto& [name, place] : below(manifest_, prefix)) names.push_back(name);
  return names;
}

std::uint64_t Checkpoint::bytes(std::string_view prefix) const {
  std::uint64_t bytes = 0;
  for (const auto& [name, place] : below(manifest_, prefix)) bytes += place.size;
  return bytes;
}

CheckpointStore::CheckpointStore(const fs::path& data, std::shared_ptr<const Keyring> keys,
                                 std::shared_ptr<PersonKeys> people)
    : directory_(data / "checkpoints"), keys_(std::move(keys)), people_(std::move(people)) {}

fs::path CheckpointStore::manifest_file(std::uint64_t sequence) const {
  return numbered(directory_, kManifest, sequence);
}

fs::path CheckpointStore::blocks_file(std::uint64_t number) const {
  return numbered(directory_, kBlocks, number);
}

std::vector<std::uint64_t> CheckpointStore::sequences() const {
  const auto numbers = numbers_in(directory_, kManifest);
  return numbers ? *numbers : std::vector<std::uint64_t>();
}

Status CheckpointStore::remove_left_over() const {
  TRY_ASSIGN(const std::vector<std::string> names, names_in(directory_));
  for (const std::string& name : names) {
    if (!name.starts_with(kManifest) || !name.ends_with(".new")) continue;
    if (::unlink((directory_ / name).c_str()) != 0) {
      return file_error("delete", directory_ / name, errno);
    }
  }
  return sync_directory(directory_);
}

Result<std::shared_ptr<const Checkpoint>> CheckpointStore::open(std::uint64_t sequence) const {
  const fs::path path = manifest_file(sequence);
  TRY_ASSIGN(const Descriptor file, open_file(path, O_RDONLY));
  TRY_ASSIGN(const std::uint64_t size, size_of(file, path));
  if (size > kManifestBytesMax) return damaged_file(path, "it is far too large");
  TRY_ASSIGN(const std::string bytes, read_at(file, path, 0, size));
  const auto plain = decrypted(keys_.get(), bytes);
  if (!plain) return damaged_file(path, plain.error().message);
  auto manifest = decode_manifest(*plain);
  if (!manifest) return damaged_file(path, manifest.error().message);
  if (manifest->sequence != sequence) {
    return damaged_file(path, "it is the manifest of record " +
                                  std::to_string(manifest->sequence));
  }
  auto checkpoint = std::make_shared<Checkpoint>();
  checkpoint->directory_ = directory_;
  checkpoint->manifest_ = std::move(*manifest);
  std::map<std::uint64_t, std::uint64_t> sizes;
  for (const auto& [number, ignored] : bytes_by_file(checkpoint->manifest_)) {
    const fs::path blocks = blocks_file(number);
    auto opened = open_file(blocks, O_RDONLY);
    if (!opened && opened.error().code == ErrorCode::NotFound) {
      return damaged_file(blocks, "it is missing");
    }
    if (!opened) return opened.error();
    TRY_ASSIGN(sizes[number], size_of(*opened, blocks));
    const std::uint64_t head_bytes = keys_ ? std::min<std::uint64_t>(sizes[number],
                                                                     kCipherHeadBytes) : 0;
    TRY_ASSIGN(const std::string head, read_at(*opened, blocks, 0, head_bytes));
    auto cipher = cipher_of_file(keys_.get(), head);
    if (!cipher) return damaged_file(blocks, cipher.error().message);
    checkpoint->files_[number] = {std::move(*opened), std::move(*cipher)};
  }
  for (const auto& [name, place] : checkpoint->manifest_.sections) {
    const std::uint64_t end = sizes[place.file];
    if (place.offset > end || place.size > end - place.offset) {
      return damaged_file(blocks_file(place.file), "it is cut before the end of section '" + name +
                                                       "'");
    }
  }
  return std::shared_ptr<const Checkpoint>(std::move(checkpoint));
}

// --- Writing -----------------------------------------------------------------------------------

struct CheckpointWriter::State {
  const CheckpointStore store;
  const std::shared_ptr<const Checkpoint> before;
  const bool shares = true;
  Manifest manifest;
  fs::path path;
  Descriptor file;
  FileCipher cipher;
  std::uint64_t size = 0;
  std::optional<std::uint64_t> looked_at;  // The size when there was room.
  std::set<std::uint64_t> sparse;  // Files of blocks that are to be left behind.
  CheckpointWritten written;
  bool finished = false;

  Status append(std::string_view bytes) {
    if (!looked_at || size - *looked_at >= kLookEvery) {
      TRY(check_room(store.directory(), bytes.size(), "a checkpoint (the one before stays)"));
      // Now and then, so that a sync of the log does not wait for all of it.
      if (looked_at && ::fdatasync(file.get()) != 0) return file_error("sync", path, errno);
      looked_at = size;
    }
    if (cipher.is_plain()) {
      TRY(write_all(file.get(), bytes, path));
    } else {
      TRY(write_all(file.get(), cipher.applied(size, bytes), path));
    }
    size += bytes.size();
    return Ok{};
  }
  Result<SectionPlace> write(std::string_view bytes, const Hash128& hash) {
    const SectionPlace place{manifest.sequence, size, bytes.size(), hash};
    TRY(append(bytes));
    written.sections_written += 1;
    written.bytes_written += bytes.size();
    return place;
  }
  SectionPlace put(const std::string& name, const SectionPlace& place) {
    const bool is_new = manifest.sections.emplace(name, place).second;
    CHECK(is_new);
    written.sections += 1;
    written.bytes += place.size;
    return place;
  }
};

CheckpointWriter::CheckpointWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;

CheckpointWriter::~CheckpointWriter() {
  if (!state_ || state_->finished) return;
  // The manifest may have its name already, though nobody knows whether for good.
  ::unlink(state_->store.manifest_file(state_->manifest.sequence).c_str());
  ::unlink(state_->path.c_str());
}

Result<CheckpointWriter> CheckpointStore::begin(std::uint64_t sequence, const Hash128& record,
                                                TimeMs made,
                                                std::shared_ptr<const Checkpoint> before,
                                                Share share) const {
  TRY(make_directories(directory_));
  auto state = std::make_unique<CheckpointWriter::State>(CheckpointWriter::State{
      .store = *this, .before = std::move(before), .shares = share == Share::Sections});
  state->manifest.sequence = state->written.sequence = sequence;
  state->manifest.record = record;
  state->manifest.made = made;
  state->path = blocks_file(sequence);
  CHECK(!state->before || state->before->manifest().sequence < sequence);
  // One of this record that was not good enough goes, manifest first; who reads it may go on.
  ::unlink(manifest_file(sequence).c_str());
  TRY(sync_directory(directory_));
  ::unlink(state->path.c_str());
  TRY_ASSIGN(state->file, open_file(state->path, O_WRONLY | O_CREAT | O_EXCL));
  state->cipher = cipher_of_new_file(keys_.get());
  TRY(write_all(state->file.get(), state->cipher.head(), state->path));
  state->size = state->cipher.head().size();
  if (state->before) {
    TRY_ASSIGN(state->sparse, sparse_files(*this, *state->before));
  }
  return CheckpointWriter(std::move(state));
}

Result<std::set<std::uint64_t>> CheckpointStore::sparse_files(const CheckpointStore& store,
                                                              const Checkpoint& before) {
  std::set<std::uint64_t> sparse;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> rest;  // Bytes in use, and the file.
  for (const auto& [number, bytes] : bytes_by_file(before.manifest())) {
    TRY_ASSIGN(const std::uint64_t size,
               size_of(before.files_.at(number).file, store.blocks_file(number)));
    if (bytes < size / 2) {
      sparse.insert(number);
    } else {
      rest.emplace_back(bytes, number);
    }
  }
  if (rest.size() <= kFilesMax) return sparse;
  std::sort(rest.begin(), rest.end());
  for (std::size_t i = 0; i + kFilesMax / 2 < rest.size(); ++i) sparse.insert(rest[i].second);
  return sparse;
}

Result<SectionPlace> CheckpointWriter::add(const std::string& name, std::string_view bytes) {
  const Hash128 hash = hash128(bytes);
  if (state_->before && state_->shares) {
    const auto& sections = state_->before->manifest().sections;
    const auto found = sections.find(name);
    const bool same = found != sections.end() && found->second.size == bytes.size() &&
                      found->second.hash == hash;
    if (same && !state_->sparse.contains(found->second.file)) {
      return state_->put(name, found->second);
    }
  }
  TRY_ASSIGN(const SectionPlace place, state_->write(bytes, hash));
  return state_->put(name, place);
}

Result<SectionPlace> CheckpointWriter::carry(const std::string& name, const SectionPlace& place) {
  CHECK(state_->before != nullptr && state_->shares);
  if (!state_->sparse.contains(place.file)) return state_->put(name, place);
  const fs::path path = state_->store.blocks_file(place.file);
  TRY_ASSIGN(const std::string bytes, state_->before->read_place(place));
  if (hash128(bytes) != place.hash) {
    return damaged_file(path, "the bytes at " + std::to_string(place.offset) +
                                  " do not fit their checksum");
  }
  TRY_ASSIGN(const SectionPlace copied, state_->write(bytes, place.hash));
  return state_->put(name, copied);
}

// Leaves this checkpoint and the one before. What cannot be deleted, or looked at, now does no
// harm: the next checkpoint tries again.
void CheckpointWriter::delete_others(const State& state) {
  std::set<std::uint64_t> kept{state.manifest.sequence}, needed;
  const auto need = [&](const Manifest& manifest) {
    kept.insert(manifest.sequence);
    for (const auto& [number, ignored] : bytes_by_file(manifest)) needed.insert(number);
  };
  need(state.manifest);
  if (state.before) need(state.before->manifest());
  const fs::path& directory = state.store.directory();
  const auto manifests = numbers_in(directory, kManifest);
  if (!manifests) return;
  for (const std::uint64_t sequence : *manifests) {
    if (!kept.contains(sequence)) ::unlink(state.store.manifest_file(sequence).c_str());
  }
  // No name of a manifest may come back to one whose blocks are gone.
  if (!sync_directory(directory)) return;
  const auto files = numbers_in(directory, kBlocks);
  if (!files) return;
  for (const std::uint64_t number : *files) {
    if (!needed.contains(number)) ::unlink(state.store.blocks_file(number).c_str());
  }
}

Result<CheckpointWritten> CheckpointWriter::finish() {
  State& state = *state_;
  if (::fsync(state.file.get()) != 0) return file_error("sync", state.path, errno);
  TRY(sync_directory(state.store.directory()));
  TRY(write_small_file(state.store.manifest_file(state.manifest.sequence),
                       encrypted(state.store.keys(), encode(state.manifest))));
  state.finished = true;
  delete_others(state);
  return state.written;
}

}  // namespace muster::storage
