#include "loader/load.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "loader/text_source.h"

namespace muster::loader {
namespace {

using engine::IngestReceipt;
using engine::IngestRequest;
using storage::TableKind;

// About a minute in all: a busy server has recovered by then, or needs a person.
constexpr int kAttemptsMax = 12;
constexpr std::chrono::milliseconds kWaitFirst{100};
constexpr std::chrono::milliseconds kWaitMax{10'000};
// A declaration is written by hand or by a program that knows the fields.
constexpr std::size_t kSchemaBytesMax = 16U << 20;
// A dry run of a refresh compares one request with the table, so all of it must fit in one.
constexpr std::size_t kDryRunBytesMax = kBatchBytesMax - 4 * kLineBytesMax;

// Things before the people who refer to them, people before what they did.
int rank_of(TableKind table) {
  switch (table) {
    case TableKind::Entities:
      return 0;
    case TableKind::Profiles:
      return 1;
    case TableKind::UserInfo:
      return 2;
    case TableKind::Events:
      return 3;
    case TableKind::Identities:
      break;  // No file has them.
  }
  return 4;
}

Error invalid(std::string message) {
  return {ErrorCode::InvalidArgument, std::move(message)};
}

Result<std::string> read_schema(const std::filesystem::path& path) {
  TRY_ASSIGN(const auto source, TextSource::open(path));
  std::string json;
  TRY(source->read(kSchemaBytesMax + 1, json));
  if (json.size() > kSchemaBytesMax) {
    return invalid("the declaration '" + path.string() + "' is larger than 16777216 bytes");
  }
  return json;
}

// Reads a packed file to its end, so that damage is known before the first row is sent.
Status check_whole(const std::filesystem::path& path) {
  TRY_ASSIGN(const auto source, TextSource::open(path));
  std::string piece;
  while (source->is_packed() && !source->at_end()) {
    piece.clear();
    TRY(source->read(kChunkBytes, piece));
  }
  return Ok{};
}

std::string random_id(Random& random) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u64(random.next());
  writer.u64(random.next());
  return to_hex(bytes);
}

class Job {
 public:
  Job(const LoadJob& job, const LoadTools& tools) : job_(job), tools_(tools) {
    std::stable_sort(job_.files.begin(), job_.files.end(), [](const auto& a, const auto& b) {
      return rank_of(a.table) < rank_of(b.table);
    });
  }

  Result<LoadReport> run() {
    TRY(prepare());
    started_ = tools_.clock->now();
    if (!schema_.empty() && !job_.dry_run) TRY(declare());
    for (std::size_t i = 0; i < job_.files.size(); ++i)
      TRY(load_file(i));
    if (rejects_.is_open() && !rejects_.flush()) return unwritable();
    report_.seconds = seconds();
    return report_;
  }

 private:
  // Everything that can be known to be wrong before anything changes.
  Status prepare() {
    if (!job_.schema.empty()) {
      TRY_ASSIGN(schema_, read_schema(job_.schema));
    }
    bool replaced = false;
    for (const LoadFile& file : job_.files) {
      const std::string label = label_of(file.table, file.name);
      replaced |= label == job_.replace;
      TRY(check_whole(file.path));
      TRY_ASSIGN(auto chunker, Chunker::open(file.path, options_of(label)));
      if (label == job_.replace && chunker->bytes_total() == 0) {
        return invalid("the file '" + file.path.string() +
                       "' is empty; to replace a table by nothing, erase its rows");
      }
      bytes_total_ += chunker->bytes_total();
    }
    if (!job_.replace.empty() && !replaced) {
      return invalid("--replace '" + job_.replace + "' names a table that no file is given for");
    }
    if (job_.replace == label_of(TableKind::Events, "")) {
      return invalid("events cannot be replaced; profiles, userinfo:NAME and entities:NAME can");
    }
    if (!job_.rejects.empty()) {
      rejects_.open(job_.rejects, std::ios::binary | std::ios::trunc);
      if (!rejects_) return unwritable();
    }
    if (!job_.replace.empty()) replace_id_ = random_id(*tools_.random);
    return Ok{};
  }

  ChunkerOptions options_of(const std::string& label) const {
    const bool whole = job_.dry_run && label == job_.replace;
    return {.table = label, .chunk_bytes = whole ? kDryRunBytesMax : job_.chunk_bytes};
  }

  Error unwritable() const {
    return invalid("the rejects file '" + job_.rejects.string() + "' cannot be written");
  }

  Status declare() {
    const Status declared = tools_.target->declare(schema_);
    if (declared) return Ok{};
    Error error = declared.error();
    error.message = "the declaration '" + job_.schema.string() + "' was refused: " + error.message;
    return error;
  }

  Status load_file(std::size_t which) {
    const LoadFile& file = job_.files[which];
    const std::string label = label_of(file.table, file.name);
    TRY_ASSIGN(const auto chunker, Chunker::open(file.path, options_of(label)));
    while (true) {
      TRY_ASSIGN(auto chunk, chunker->next());
      if (!chunk) break;
      IngestRequest request = request_of(file, *chunk);
      if (!request.replace_id.empty()) {
        if (job_.dry_run && !chunk->last) {
          return Error{ErrorCode::Unsupported, "a dry run of --replace works for files of up to " +
                                                   std::to_string(kDryRunBytesMax) + " bytes"};
        }
        request.replace_last = chunk->last && !more_of(label, which);
      }
      TRY_ASSIGN(const IngestReceipt receipt, send(request, file));
      TRY(note(file, *chunk, receipt));
      tell(label, chunker->bytes_read());
    }
    bytes_before_ += chunker->bytes_total();
    return Ok{};
  }

  bool more_of(const std::string& label, std::size_t which) const {
    return std::any_of(
        job_.files.begin() + static_cast<std::ptrdiff_t>(which) + 1, job_.files.end(),
        [&](const LoadFile& file) { return label_of(file.table, file.name) == label; });
  }

  IngestRequest request_of(const LoadFile& file, Chunk& chunk) const {
    IngestRequest request;
    request.table = file.table;
    request.name = file.name;
    request.format = chunk.format;
    request.csv_header = chunk.csv_header;
    request.bytes = std::move(chunk.bytes);
    request.first_line = chunk.first_line;
    request.force = job_.force;
    request.dry_run = job_.dry_run;
    if (file.table == TableKind::Events) request.idempotency_key = chunk.idempotency_key;
    if (label_of(file.table, file.name) == job_.replace) request.replace_id = replace_id_;
    return request;
  }

  Result<IngestReceipt> send(const IngestRequest& request, const LoadFile& file) {
    std::chrono::milliseconds wait = kWaitFirst;
    for (int attempt = 1;; ++attempt) {
      Result<IngestReceipt> receipt = tools_.target->send(request);
      if (receipt) {
        unpacked_ += request.bytes.size();
        return receipt;
      }
      Error& error = receipt.error();
      const bool later =
          error.code == ErrorCode::Overloaded || error.code == ErrorCode::Unavailable;
      if (!later || attempt == kAttemptsMax) {
        error.message = "loading stopped in '" + file.path.string() + "' at line " +
                        std::to_string(request.first_line) + ": " + error.message;
        return error;
      }
      tools_.sleep(error.retry_after
                       ? std::min<std::chrono::milliseconds>(*error.retry_after, 3 * kWaitMax)
                       : wait);
      wait = std::min(2 * wait, kWaitMax);
    }
  }

  Status note(const LoadFile& file, const Chunk& chunk, const IngestReceipt& receipt) {
    const std::string label = label_of(file.table, file.name);
    if (report_.tables.empty() || report_.tables.back().table != label) {
      report_.tables.push_back({.table = label});
    }
    LoadTotals& totals = report_.tables.back();
    totals.accepted += receipt.accepted;
    totals.rejected += receipt.rejected;
    totals.skipped += receipt.skipped;
    totals.created += receipt.created;
    totals.removed += receipt.removed;
    totals.repeated_chunks += receipt.repeated ? 1 : 0;
    totals.bytes += unpacked_ - bytes_noted_;
    bytes_noted_ = unpacked_;
    rows_ += receipt.accepted;
    rejected_ += receipt.rejected;
    report_.sequence = std::max(report_.sequence, receipt.sequence);
    if (rejects_.is_open()) write_rejects(file, chunk, receipt);
    return rejects_ ? Status(Ok{}) : Status(unwritable());
  }

  void write_rejects(const LoadFile& file, const Chunk& chunk, const IngestReceipt& receipt) {
    for (const storage::RejectedRow& row : receipt.errors) {
      JsonWriter json;
      json.begin_object().key("file").text(file.path.string()).key("line").number(row.line);
      json.key("reason").text(row.reason).end_object();
      rejects_ << json.str() << '\n';
    }
    if (receipt.rejected > receipt.errors.size()) {
      JsonWriter json;
      json.begin_object().key("file").text(file.path.string());
      json.key("from_line").number(chunk.first_line);
      json.key("not_listed").number(receipt.rejected - receipt.errors.size()).end_object();
      rejects_ << json.str() << '\n';
    }
  }

  double seconds() const { return static_cast<double>(tools_.clock->now() - started_) / 1e3; }

  void tell(const std::string& label, std::uint64_t bytes_read) const {
    if (!tools_.progress) return;
    LoadProgress progress;
    progress.table = label;
    progress.rows = rows_;
    progress.rejected = rejected_;
    progress.bytes_done = bytes_before_ + bytes_read;
    progress.bytes_total = bytes_total_;
    progress.bytes_unpacked = unpacked_;
    progress.seconds = seconds();
    if (progress.seconds > 0) {
      progress.rows_per_s = static_cast<double>(rows_) / progress.seconds;
      progress.mb_per_s = static_cast<double>(unpacked_) / 1e6 / progress.seconds;
    }
    if (progress.bytes_done > 0 && progress.bytes_total > progress.bytes_done) {
      const auto left = static_cast<double>(progress.bytes_total - progress.bytes_done);
      progress.seconds_left = progress.seconds * left / static_cast<double>(progress.bytes_done);
    }
    tools_.progress(progress);
  }

  LoadJob job_;
  const LoadTools& tools_;
  std::string schema_, replace_id_;
  std::ofstream rejects_;
  TimeMs started_ = 0;
  std::uint64_t bytes_total_ = 0, bytes_before_ = 0, unpacked_ = 0, bytes_noted_ = 0;
  std::uint64_t rows_ = 0, rejected_ = 0;
  LoadReport report_;
};

}  // namespace

std::string label_of(TableKind table, const std::string& name) {
  switch (table) {
    case TableKind::Profiles:
      return "profiles";
    case TableKind::Events:
      return "events";
    case TableKind::UserInfo:
      return "userinfo:" + name;
    case TableKind::Entities:
      return "entities:" + name;
    case TableKind::Identities:
      return "identities";
  }
  return name;
}

Result<LoadReport> load(const LoadJob& job, const LoadTools& tools) {
  CHECK(tools.target != nullptr && tools.clock != nullptr && tools.random != nullptr);
  CHECK(tools.sleep != nullptr);
  return Job(job, tools).run();
}

}  // namespace muster::loader
