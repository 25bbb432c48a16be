// The making of fields from history that is under way, or was the last: what of it is known, the
// thread that it has, and which people are next.
//
// Thread safety: any thread, but for what only its own thread knows.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/answers.h"
#include "engine/derive/field_history.h"
#include "engine/derive/raw_history.h"
#include "index/generation.h"
#include "index/schema.h"

namespace muster::engine {

// Rows of one table that bring people, or things, to what the history says.
struct DerivedRows {
  std::string table;         // Of entities; "": of profiles.
  std::string bytes;         // NDJSON.
  std::uint64_t rows = 0, cleared = 0;
  std::uint32_t next = 0;    // The ordinal to go on from.
  bool is_last = false;      // Nobody of the table comes after them.
};

// Looks at the next people of a table, or things of it: whoever has another value than the history
// says is a row.
// `keeps`: whoever the history says nothing of keeps what they have.
// Limits: 65,536 of them, and about 8 MiB of rows.
DerivedRows derived_rows(const std::string& table, std::uint32_t first,
                         const std::map<std::string, index::Field>& fields,
                         const index::Generation& now, const index::Generation& history,
                         bool keeps);

class Derivation {
 public:
  using Work = std::function<void(const std::stop_token& stop)>;

  ~Derivation() { end(); }

  // Errors: Conflict while one is under way.
  Status start(std::map<std::string, index::Field> fields, const DeriveRequest& request,
               std::uint64_t records, const Work& work);
  DeriveAnswer answer() const;
  // Errors: NotFound where none is under way.
  Status cancel();
  // Ends it, and waits for that; no other begins.
  void end();

  // Changes what is told.
  template <typename Change>
  void tell(const Change& change) {
    const std::lock_guard held(mutex_);
    change(answer_);
    forget_reasons();
  }
  // What was wrong with values of records from before this one is not told any more, now or later
  // on: it may quote somebody who was erased.
  void forget_reasons(std::uint64_t before);

  // Of the index that it makes.
  std::atomic<std::uint64_t> bytes = 0;

  // --- Its own thread's, once started ---
  std::map<std::string, index::Field> fields;
  bool dry_run = false, partial = false;
  bool is_declared = false;           // The fields, by this one.
  std::uint64_t taken = 0;            // The last record that the history has.
  std::vector<std::string> tables;    // Those that are left, "" for profiles; the last is next.
  std::uint32_t next = 0;             // The ordinal that is next there.

 private:
  void forget_reasons();  // Requires mutex_.

  mutable std::mutex mutex_;  // Guards what follows.
  DeriveAnswer answer_;
  std::uint64_t reasons_from_ = 0;  // Those of earlier records are forgotten.
  std::chrono::steady_clock::time_point began_;
  bool has_ended_ = false;
  std::jthread thread_;
};

}  // namespace muster::engine
