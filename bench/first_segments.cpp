#include "bench/first_segments.h"

#include "base/time.h"

namespace muster::bench {
namespace {

using Op = BaselineExpr::Op;

// Makes the baseline's half of a question.
class Over {
 public:
  explicit Over(const BaselineData& data) : data_(data) {}

  BaselineExpr is(const std::string& field, const std::vector<std::string>& values) const {
    BaselineExpr out;
    for (const std::string& value : values) out.sets.push_back(data_.set(field + "=" + value));
    return out;
  }
  BaselineExpr between(const std::string& field, int low, int high) const {
    BaselineExpr out;
    for (int value = low; value <= high; ++value) {
      out.sets.push_back(data_.set(field + "=" + std::to_string(value)));
    }
    return out;
  }
  BaselineExpr at_least(const std::string& field, std::uint64_t least) const {
    return {.op = Op::AtLeast, .sets = {}, .slices = &data_.slices(field), .least = least};
  }
  // Whole days by their sets, the day the window begins in by its exact part.
  BaselineExpr in_last(const std::string& family, int days) const {
    const int today = static_cast<int>(data_.now() / kDayMs);
    BaselineExpr out = between(family, today - days + 1, today);
    out.sets.push_back(data_.edge(family, days));
    return out;
  }

 private:
  const BaselineData& data_;
};

BaselineExpr all(std::vector<BaselineExpr> children) {
  return {.op = Op::And, .sets = {}, .children = std::move(children)};
}
BaselineExpr any(std::vector<BaselineExpr> children) {
  return {.op = Op::Or, .sets = {}, .children = std::move(children)};
}
BaselineExpr none(BaselineExpr child) {
  return {.op = Op::Not, .sets = {}, .children = {std::move(child)}};
}

void add_small(const Over& over, std::vector<BenchSegment>& out) {
  out.push_back({"two_values", 2, R"(country = "US" and email_consent)",
                 all({over.is("country", {"US"}), over.is("email_consent", {"true"})})});
  out.push_back({"rare_and_common", 2, R"(plan = "premium" and gender = "female")",
                 all({over.is("plan", {"premium"}), over.is("gender", {"female"})})});
  out.push_back({"not_either", 3, R"(not (plan = "free" or channel = "search") and email_consent)",
                 all({none(any({over.is("plan", {"free"}), over.is("channel", {"search"})})),
                      over.is("email_consent", {"true"})})});
  out.push_back(
      {"lists", 4,
       R"(any interests = "running" and none interests = "chess" and any shoe_sizes in (42, 43)
          and country in ("DE", "FR", "NL"))",
       all({over.is("interests", {"running"}), none(over.is("interests", {"chess"})),
            over.is("shoe_sizes", {"42", "43"}), over.is("country", {"DE", "FR", "NL"})})});
}

void add_ranges(const Over& over, std::vector<BenchSegment>& out) {
  out.push_back({"birth_years", 3,
                 R"(birth_date between 1980-01-01 and 1999-12-31 and gender = "female"
                    and country in ("US", "CA", "GB"))",
                 all({over.between("birth", 1980, 1999), over.is("gender", {"female"}),
                      over.is("country", {"US", "CA", "GB"})})});
  out.push_back({"points", 3,
                 R"(loyalty_points >= 10000 and plan in ("basic", "plus") and email_consent)",
                 all({over.at_least("loyalty_points", 10'000), over.is("plan", {"basic", "plus"}),
                      over.is("email_consent", {"true"})})});
  out.push_back({"recently_seen", 4,
                 R"(last_seen_at in last 30d and household_size between 2 and 4
                    and not (country = "US") and language != "de")",
                 all({over.in_last("seen", 30), over.between("household_size", 2, 4),
                      none(over.is("country", {"US"})),
                      over.is("language", {"en", "fr", "pt", "es", "it", "nl", "pl", "sv", "ja",
                                           "is"})})});
}

void add_wide(const Over& over, std::vector<BenchSegment>& out) {
  out.push_back(
      {"twelve_leaves", 12,
       R"((country in ("US", "CA") and (any interests = "travel" or any interests = "photo")
           or country in ("DE", "FR") and (any interests = "books" or any interests = "music")
           or country = "BR" and plan != "free")
          and not (channel in ("store", "podcast")) and email_consent
          and birth_date between 1960-01-01 and 2004-12-31 and household_size <= 4)",
       all({any({all({over.is("country", {"US", "CA"}),
                      any({over.is("interests", {"travel"}), over.is("interests", {"photo"})})}),
                 all({over.is("country", {"DE", "FR"}),
                      any({over.is("interests", {"books"}), over.is("interests", {"music"})})}),
                 all({over.is("country", {"BR"}), over.is("plan", {"basic", "plus", "premium"})})}),
            none(over.is("channel", {"store", "podcast"})), over.is("email_consent", {"true"}),
            over.between("birth", 1960, 2004), over.between("household_size", 1, 4)})});
}

void add_events(const Over& over, std::vector<BenchSegment>& out) {
  out.push_back({"bought_lately", 3,
                 R"(did "Order Completed" in last 30d and country = "US" and email_consent)",
                 all({over.in_last("Order Completed", 30), over.is("country", {"US"}),
                      over.is("email_consent", {"true"})})});
  out.push_back({"silent_buyers", 4,
                 R"(did "Order Completed" and did not "Email Opened" in last 90d
                    and plan in ("plus", "premium") and any interests = "outdoor")",
                 all({over.is("did", {"Order Completed"}), none(over.in_last("Email Opened", 90)),
                      over.is("plan", {"plus", "premium"}), over.is("interests", {"outdoor"})})});
}

}  // namespace

std::vector<BenchSegment> first_segments(const BaselineData& data) {
  const Over over(data);
  std::vector<BenchSegment> out;
  add_small(over, out);
  add_ranges(over, out);
  add_wide(over, out);
  add_events(over, out);
  return out;
}

}  // namespace muster::bench
