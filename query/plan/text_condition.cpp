// Tests of texts: contains, starts with, ends with, matches.
#include <re2/re2.h>

#include "base/text.h"
#include "query/plan/bind_error.h"
#include "query/plan/condition.h"

namespace muster::query {
namespace {

// Memory of one compiled pattern: patterns that need more are refused, not slow.
constexpr std::int64_t kPatternBytesMax = 8 << 20;

using TextTestFn = std::function<bool(std::string_view)>;

bool holds(TextMatch match, std::string_view text, std::string_view part) {
  switch (match) {
    case TextMatch::Contains: return text.find(part) != std::string_view::npos;
    case TextMatch::StartsWith: return text.starts_with(part);
    case TextMatch::EndsWith: return text.ends_with(part);
    case TextMatch::Matches: break;
  }
  return false;
}

Result<TextTestFn> pattern_test(const Node& test) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternBytesMax);
  options.set_case_sensitive(!test.ignoring_case);
  const auto pattern = std::make_shared<const RE2>(to_nfc(test.text), options);
  if (!pattern->ok()) {
    return error_at(ErrorCode::InvalidArgument, test.place,
                    "the pattern " + to_display(Value(test.text)) + " cannot be read: " +
                        pattern->error(),
                    "an RE2 pattern");
  }
  return TextTestFn([pattern](std::string_view text) {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern);
  });
}

Result<TextTestFn> part_test(const Node& test) {
  const TextMatch match = test.text_match;
  if (test.ignoring_case) {
    return TextTestFn([match, part = fold_case(test.text)](std::string_view text) {
      return holds(match, fold_case(text), part);
    });
  }
  return TextTestFn([match, part = to_nfc(test.text)](std::string_view text) {
    return holds(match, text, part);
  });
}

}  // namespace

Result<Condition> text_condition(const Node& test) {
  TRY_ASSIGN(const TextTestFn passes, test.text_match == TextMatch::Matches ? pattern_test(test)
                                                                      : part_test(test));
  Condition condition;
  condition.kind = ValueKind::Text;
  condition.text = passes;
  if (test.negated) condition.text = [passes](std::string_view text) { return !passes(text); };
  return condition;
}

}  // namespace muster::query
