#include "loader/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "base/json_writer.h"

namespace muster::loader {
namespace {

constexpr std::size_t kBarColumns = 24;
// A person reads no faster; a pipe needs no more.
constexpr double kTerminalEveryS = 0.1, kPipeEveryS = 1.0;

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

double share_of(const LoadProgress& progress) {
  if (progress.bytes_total == 0) return 1;
  return std::min(
      1.0, static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total));
}

std::string minutes(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(std::min(seconds, 3.6e6)));
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string ndjson_of(const LoadProgress& progress) {
  JsonWriter json;
  json.begin_object().key("table").text(progress.table);
  json.key("rows").number(progress.rows).key("rejected").number(progress.rejected);
  json.key("bytes_done").number(progress.bytes_done);
  json.key("bytes_total").number(progress.bytes_total);
  json.key("rows_per_s").number(std::round(progress.rows_per_s));
  json.key("mb_per_s").number(std::round(progress.mb_per_s * 10) / 10);
  json.key("eta_s").number(std::round(progress.seconds_left)).end_object();
  return json.take();
}

std::string ndjson_of(const LoadTotals& totals) {
  JsonWriter json;
  json.begin_object().key("loaded").text(totals.table);
  json.key("accepted").number(totals.accepted).key("rejected").number(totals.rejected);
  json.key("skipped").number(totals.skipped).key("created").number(totals.created);
  json.key("removed").number(totals.removed);
  json.key("repeated_chunks").number(totals.repeated_chunks);
  json.key("bytes").number(totals.bytes).end_object();
  return json.take();
}

std::string text_of(const LoadTotals& totals) {
  std::string text = fmt::format("{}: {} taken", totals.table, grouped(totals.accepted));
  if (totals.created > 0) text += fmt::format(", {} new profiles", grouped(totals.created));
  if (totals.skipped > 0) text += fmt::format(", {} known before", grouped(totals.skipped));
  if (totals.removed > 0) text += fmt::format(", {} removed", grouped(totals.removed));
  if (totals.repeated_chunks > 0) {
    text += fmt::format(", {} chunks loaded earlier", grouped(totals.repeated_chunks));
  }
  if (totals.rejected > 0) text += fmt::format(", {} refused", grouped(totals.rejected));
  return text;
}

}  // namespace

std::string progress_line(const LoadProgress& progress) {
  const double share = share_of(progress);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
  std::string bar(full, '=');
  if (full < kBarColumns) bar += '>';
  bar.resize(kBarColumns, ' ');
  std::string line = fmt::format("{}  [{}] {:3.0f}%  {} rows  {}/s  {:.1f} MB/s  {} left",
                                 progress.table, bar, share * 100, grouped(progress.rows),
                                 grouped(static_cast<std::uint64_t>(progress.rows_per_s)),
                                 progress.mb_per_s, minutes(progress.seconds_left));
  if (progress.rejected > 0) line += fmt::format("  {} refused", grouped(progress.rejected));
  return line;
}

void ProgressPrinter::show(const LoadProgress& progress) {
  const double every = style_ == ProgressStyle::Terminal ? kTerminalEveryS : kPipeEveryS;
  const bool first = shown_at_ < 0, done = progress.bytes_done >= progress.bytes_total;
  if (!first && !done && progress.seconds - shown_at_ < every) return;
  shown_at_ = progress.seconds;
  if (style_ == ProgressStyle::Terminal) {
    out_ << '\r' << progress_line(progress) << "\x1b[K" << std::flush;
    line_open_ = true;
  } else {
    out_ << ndjson_of(progress) << std::endl;
  }
}

void ProgressPrinter::finish(const LoadReport& report) {
  if (line_open_) out_ << '\n';
  line_open_ = false;
  for (const LoadTotals& totals : report.tables) {
    out_ << (style_ == ProgressStyle::Terminal ? text_of(totals) : ndjson_of(totals)) << '\n';
  }
  if (style_ == ProgressStyle::Terminal) {
    out_ << fmt::format("done in {:.1f} s\n", report.seconds);
  }
  out_ << std::flush;
}

}  // namespace muster::loader
