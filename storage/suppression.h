// Who was erased, as keyed hashes: what keeps a late event, another import or an old backup from
// bringing anybody back.
//
// DIR/suppression has a random key and, for each erasure, HMAC-SHA256 under that key of whatever
// the person was known by (the profile id, an e-mail address), cut to 16 bytes. It only grows; an
// erasure is in it, synced, before the log has it. storage/format.md has every byte.
//
// Thread safety: changed by one thread at a time, which may also ask; erasures(), any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/hash.h"
#include "base/result.h"
#include "storage/files.h"
#include "storage/record.h"

namespace muster::storage {

// One erasure as it stands in the file.
struct SuppressedPerson {
  std::uint64_t record = 0;   // The number that the erasure's record has in the log.
  TimeMs at = 0;
  std::vector<Hash128> tags;  // Of whatever the person was known by, the profile id's first.
};

class Suppression {
 public:
  // Nothing is written before the first erasure, which makes the file where there was none.
  // Errors: Corrupt, naming file and place; Unsupported for a newer format; those of the file.
  static Result<std::unique_ptr<Suppression>> open(const std::filesystem::path& file);
  // Kept nowhere; with a key of zeros.
  static std::unique_ptr<Suppression> in_memory();

  // The keyed hash of a value of an identifier ("profile_id", "email").
  Hash128 tag(std::string_view identifier, std::string_view value) const;
  // Whether somebody who was erased was known by it.  Cost: one HMAC; nothing while nobody was.
  bool holds(std::string_view identifier, std::string_view value) const;

  // Takes an erasure in: from here on holds() knows it, and after sync() the file has it.
  void add(SuppressedPerson person);
  // Errors: those of the file; then nothing more may be added.
  Status sync();

  // Whether the file ends with its last erasure; else a crash cut one off that nobody was told of.
  bool is_whole() const { return !has_rest_; }
  // Those added so far: synced or not.
  std::uint64_t size() const { return size_; }
  SuppressionMark mark() const { return {size_, key_id_}; }
  // Whether the file is of the log that has this mark, and not older than the log.
  // Errors: Corrupt, saying what to do.
  Status check(const SuppressionMark& log) const;
  // Those from the `first`, counted from 0, in the order of the file.
  std::vector<SuppressedPerson> erasures(std::uint64_t first = 0) const;

 private:
  struct TagHash {
    std::size_t operator()(const Hash128& tag) const { return tag.low; }
  };
  friend Result<bool> carry_suppression(const std::filesystem::path& from,
                                        const std::filesystem::path& to);
  Suppression(std::filesystem::path path, std::string key);
  Status load(std::string_view bytes);
  Status make_file();

  const std::filesystem::path path_;  // "": in memory.
  const std::string secret_;
  const HmacKey key_;
  std::uint64_t key_id_ = 0;
  Descriptor file_;
  std::string unsynced_;
  std::size_t whole_bytes_ = 0;       // Of the file, up to the last whole erasure; 0: none yet.
  bool has_rest_ = false;
  std::uint64_t size_ = 0;
  std::unordered_set<Hash128, TagHash> tags_;
  mutable std::mutex mutex_;          // Guards persons_.
  std::vector<SuppressedPerson> persons_;
};

// Puts the newer of two copies of one suppression file in place: `from`, unless `to` has more.
// Nothing where there is no `from`.  Returns whether there is one now.
// Errors: Corrupt; InvalidArgument when one is not how the other began: they went separate ways.
Result<bool> carry_suppression(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace muster::storage
