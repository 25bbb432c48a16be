#include "server/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "base/crypto.h"
#include "server/key_file.h"

namespace muster::server {

namespace {

// Lines between two writes; at 200 bytes a line some 2 MB.
constexpr std::size_t kWaitingMax = 10'000;
// Longest that a call waits for room; then the line counts as lost.
constexpr std::chrono::seconds kRoomPatience{5};
constexpr std::chrono::milliseconds kWriteEvery{100};
// Statuses of those who are refused for load.
constexpr int kTooManyRequests = 429, kUnavailable = 503;

Error file_error(const std::string& path, std::string_view doing) {
  return {ErrorCode::Unavailable, "cannot " + std::string(doing) + " " + path + ": " +
                                      std::strerror(errno)};
}

// The last lines of a file that may have been cut in the middle of one.
std::deque<std::string> tail_of(const std::string& path) {
  std::deque<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('{') || !line.ends_with('}')) continue;
    lines.push_back(std::move(line));
    if (lines.size() > kAuditKeptMax) lines.pop_front();
  }
  return lines;
}

}  // namespace

std::string to_json(const engine::AuditLine& line) {
  JsonWriter json;
  json.begin_object();
  json.key("at").text(to_rfc3339(line.at));
  json.key("principal").text(line.principal);
  json.key("action").text(line.action);
  if (!line.subject.empty()) json.key("subject").text(line.subject);
  json.key("status").number(line.status);
  json.key("took_us").number(line.took_us);
  json.end_object();
  return json.take();
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& folder) {
  std::unique_ptr<AuditLog> log(new AuditLog(folder));
  if (folder.empty()) {
    log->key_ = random_key();
    return log;
  }
  TRY_ASSIGN(log->key_, read_or_make_key(folder + "/audit.key"));
  for (std::string& line : tail_of(folder + "/audit.ndjson")) log->keep(std::move(line));
  TRY(log->open_file());
  return log;
}

AuditLog::~AuditLog() {
  if (file_ != nullptr) std::fclose(file_);
}

Status AuditLog::open_file() {
  const std::string path = folder_ + "/audit.ndjson";
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return file_error(path, "write");
  struct stat about {};
  if (::fstat(descriptor, &about) == 0) file_bytes_ = static_cast<std::size_t>(about.st_size);
  file_ = ::fdopen(descriptor, "a");
  if (file_ == nullptr) return file_error(path, "write");
  return Ok{};
}

void AuditLog::write(const engine::AuditLine& line) {
  std::string json = to_json(line);
  std::unique_lock lock(mutex_);
  // A refusal costs next to nothing, so a flood of them must not hold those who make it.
  const bool waits = line.status != kTooManyRequests && line.status != kUnavailable;
  if (!waits && waiting_.size() >= kWaitingMax) ++lost_;
  if (!folder_.empty() && writing_ && waits) {
    const bool room = changed_.wait_for(lock, kRoomPatience,
                                        [&] { return waiting_.size() < kWaitingMax; });
    if (!room) ++lost_;
  }
  if (!folder_.empty() && waiting_.size() < kWaitingMax) waiting_.push_back(json);
  if (waiting_.size() > kWaitingMax / 2 && !crowded_.exchange(true)) changed_.notify_all();
  keep(std::move(json));
}

// Requires mutex_, but for open().
void AuditLog::keep(std::string line) {
  line.shrink_to_fit();
  kept_bytes_ += sizeof(line) + line.capacity();
  kept_.push_back(std::move(line));
  if (kept_.size() <= kAuditKeptMax) return;
  kept_bytes_ -= sizeof(line) + kept_.front().capacity();
  kept_.pop_front();
}

void AuditLog::run(std::stop_token stop) {
  if (folder_.empty()) return;
  while (true) {
    std::vector<std::string> lines;
    {
      std::unique_lock lock(mutex_);
      writing_ = !stop.stop_requested();
      changed_.wait_for(lock, stop, kWriteEvery, [&] { return crowded_.load(); });
      lines.swap(waiting_);
      crowded_.store(false);
    }
    changed_.notify_all();
    write_out(lines);
    if (stop.stop_requested() && lines.empty()) return;
  }
}

void AuditLog::write_out(const std::vector<std::string>& lines) {
  std::uint64_t lost = 0;
  for (const std::string& line : lines) {
    const bool whole = file_ != nullptr &&
                       std::fwrite(line.data(), 1, line.size(), file_) == line.size() &&
                       std::fputc('\n', file_) != EOF;
    if (!whole) ++lost;
    file_bytes_ += line.size() + 1;
  }
  if (file_ != nullptr && !lines.empty() && std::fflush(file_) != 0) lost = lines.size();
  if (file_bytes_ > kAuditFileBytesMax && file_ != nullptr) {
    std::fclose(file_);
    file_ = nullptr;
    const std::string path = folder_ + "/audit.ndjson";
    std::rename(path.c_str(), (folder_ + "/audit.1.ndjson").c_str());
    if (!open_file()) file_ = nullptr;
  }
  if (lost == 0) return;
  const std::lock_guard lock(mutex_);
  lost_ += lost;
}

std::string AuditLog::masked(std::string_view personal_id) const {
  const auto mac = hmac_sha256(key_, {personal_id});
  if (!mac) return "hidden";
  return "person:" + to_hex(*mac).substr(0, 16);
}

std::vector<std::string> AuditLog::newest(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (auto line = kept_.rbegin(); line != kept_.rend() && lines.size() < limit; ++line) {
    lines.push_back(*line);
  }
  return lines;
}

std::uint64_t AuditLog::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return kept_bytes_;
}

std::uint64_t AuditLog::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

}  // namespace muster::server
