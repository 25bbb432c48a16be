// The audit: one JSON line per call, in a file that grows to a limit and is then set aside.
//
// Lines wait in a bounded queue for one thread that writes, so that no call waits for the disk;
// when the queue is full, calls do wait. Only of those that were refused for load the lines are
// then counted as lost: a flood of them would hold the threads that refuse.
// Thread safety: any thread; run() one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/access.h"

namespace muster::server {

// Lines that GET /v1/audit can show.
inline constexpr std::size_t kAuditKeptMax = 10'000;
// Bytes of audit.ndjson before it becomes audit.1.ndjson.
inline constexpr std::size_t kAuditFileBytesMax = 64U << 20;

class AuditLog final : public engine::AuditSink {
 public:
  // In `folder`, reading back the newest lines; "" keeps them in memory only.
  // Errors: Unavailable when the files cannot be read or written.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& folder);
  ~AuditLog() override;

  void write(const engine::AuditLine& line) override;
  // Whether a call may have to wait for room soon.
  bool is_crowded() const { return crowded_.load(); }

  // Writes until stopped, and then what is left; main starts it as a jthread.
  void run(std::stop_token stop);

  // A person's id as the audit may show it: 16 hexadecimal digits, keyed, so that nobody can
  // guess ids and compare.
  std::string masked(std::string_view personal_id) const;

  // Lines as JSON, newest first.
  std::vector<std::string> newest(std::size_t limit) const;
  std::uint64_t lost() const;  // Lines that could not be written.
  std::uint64_t memory_bytes() const;  // Of the lines that newest() can give.

 private:
  explicit AuditLog(std::string folder) : folder_(std::move(folder)) {}
  Status open_file();
  void write_out(const std::vector<std::string>& lines);
  void keep(std::string line);

  const std::string folder_;
  std::string key_;             // 32 bytes, of this folder.
  std::FILE* file_ = nullptr;   // Of the writing thread.
  std::size_t file_bytes_ = 0;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable_any changed_;
  std::deque<std::string> kept_;
  std::uint64_t kept_bytes_ = 0;
  std::vector<std::string> waiting_;
  bool writing_ = false;  // run() is under way.
  std::uint64_t lost_ = 0;
  std::atomic<bool> crowded_ = false;  // Over half of the room for those that wait is taken.
};

std::string to_json(const engine::AuditLine& line);

}  // namespace muster::server
