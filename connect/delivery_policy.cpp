#include "connect/delivery_policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/time.h"
#include "connect/templates/content.h"

namespace muster::connect {
namespace {

// 4xx that say nothing about the people in the batch: halving it would only repeat the question.
constexpr std::array kAboutTheRequest{401, 402, 403, 404, 405, 406, 407, 411, 415, 426, 431, 451};
// 4xx that ask for another attempt.
constexpr std::array kAskAgain{408, 421, 425, 429};

// Said by what stands in between, or of a request that is half read: the receiver may have it.
constexpr std::array kMayHaveCome{408, 502, 504};

template <std::size_t size>
bool holds(const std::array<int, size>& codes, int status) {
  return std::find(codes.begin(), codes.end(), status) != codes.end();
}

std::string text_of(const Answer& answer) {
  if (answer.kind != AnswerKind::Status) return answer.text;
  std::string text = "HTTP " + std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400) text += " (redirects are not followed)";
  return answer.text.empty() ? text : text + ": " + answer.text;
}

TimeMs with_jitter(TimeMs delay, std::uint64_t bits) {
  return delay + static_cast<TimeMs>(bits % static_cast<std::uint64_t>(delay / kJitterShare + 1));
}

Verdict retry(const Attempted& attempted, Verdict verdict) {
  const Answer& answer = attempted.answer;
  if (attempted.batch.attempts >= attempted.destination.max_attempts) {
    verdict.step = Step::GiveUp;
    return verdict;
  }
  const bool asks_for_peace =
      answer.kind == AnswerKind::Status && (answer.status == 429 || answer.status == 503);
  auto asked = asks_for_peace ? parse_retry_after(answer.retry_after, attempted.at)
                              : std::optional<TimeMs>();
  if (asked && *asked == 0) asked.reset();  // "At once" would be no backoff at all.
  const TimeMs delay =
      asked ? *asked : attempted.destination.delay_before(attempted.batch.attempts + 1);
  verdict.step = Step::Retry;
  verdict.retry_at = attempted.at + with_jitter(delay, attempted.jitter);
  if (asked) verdict.hold_until = attempted.at + *asked;
  return verdict;
}

std::optional<TimeMs> seconds_of(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(),
                                   [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed == std::errc::result_out_of_range) return kRetryAfterMsMax;
  return std::min(seconds, kRetryAfterMsMax / 1'000) * 1'000;
}

// IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT": the one form that may be written today.
std::optional<TimeMs> date_of_header(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ') {
    return std::nullopt;
  }
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const std::string number = std::to_string(month / 3 + 101).substr(1);  // "01" to "12"
  const std::string rfc3339 = std::string(text.substr(12, 4)) + "-" + number + "-" +
                              std::string(text.substr(5, 2)) + "T" +
                              std::string(text.substr(17, 8)) + "Z";
  return parse_time(rfc3339, Zone());
}

}  // namespace

Verdict judge(const Attempted& attempted) {
  const Answer& answer = attempted.answer;
  Verdict verdict{.text = text_of(answer)};
  if (answer.kind == AnswerKind::Stopped) {
    verdict.step = Step::Leave;
    return verdict;
  }
  verdict.ambiguous = answer.kind == AnswerKind::Ambiguous;
  if (answer.kind != AnswerKind::Status) return retry(attempted, verdict);
  const int status = answer.status;
  verdict.ambiguous = holds(kMayHaveCome, status);
  if (status >= 200 && status < 300) {
    verdict.step = Step::Delivered;
  } else if (status == 410) {
    verdict.step = Step::Disable;
  } else if (status < 400 || status >= 500 || holds(kAskAgain, status)) {
    return retry(attempted, verdict);
  } else {
    const bool halve = attempted.batch.plan.member_bytes.size() > 1 &&
                       !holds(kAboutTheRequest, status);
    verdict.step = halve ? Step::Split : Step::Reject;
  }
  return verdict;
}

Status judge_rows(const Attempted& attempted, Verdict& verdict) {
  const auto& content = attempted.destination.content;
  const Answer& answer = attempted.answer;
  const bool has_rules = content && content->answer;
  const bool says_nothing = answer.body.empty() && !answer.cut;
  if (verdict.step != Step::Delivered || !has_rules || says_nothing) return Ok{};
  const BatchPlanned& batch = attempted.batch.plan;
  RowAnswer rows{.is_readable = false};
  if (!answer.cut) {
    TRY_ASSIGN(rows, read_row_answer(*content->answer, batch, answer.body));
  }
  if (rows.is_readable && rows.names_all) {
    verdict.rejected = std::move(rows.rejected);
    return Ok{};
  }
  // The destination took some of them and will again: adding and removing twice changes nothing.
  verdict.ambiguous = true;
  const bool may_halve = batch.member_bytes.size() > 1;
  if (rows.is_readable || (answer.cut && may_halve)) {
    verdict.step = may_halve ? Step::Split : Step::Reject;
    return Ok{};
  }
  // A page of somebody in between, say, who took nobody: the same bytes go again.
  verdict.text = "HTTP " + std::to_string(answer.status) +
                 (answer.cut ? ": its answer is too long to be read" :
                               ": its answer is no JSON, so nobody knows who was taken");
  verdict = retry(attempted, std::move(verdict));
  return Ok{};
}

std::optional<TimeMs> parse_retry_after(std::string_view text, TimeMs now) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  if (const auto seconds = seconds_of(text)) return seconds;
  const auto at = date_of_header(text);
  if (!at) return std::nullopt;
  // The date has whole seconds: its second must be over.
  return std::clamp<TimeMs>(*at + kSecondMs - now, 0, kRetryAfterMsMax);
}

}  // namespace muster::connect
