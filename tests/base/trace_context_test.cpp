// The header of distributed traces: what is one, what is none, and what goes on.
#include "base/trace_context.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";

TEST(TraceContext, ReadsWhatItWrites) {
  const auto read = parse_traceparent("00-" + kTrace + "-" + kSpan + "-01");
  ASSERT_TRUE(read);
  EXPECT_EQ(kTrace, read->trace_id);
  EXPECT_EQ(kSpan, read->span_id);
  EXPECT_TRUE(read->is_sampled);
  EXPECT_EQ("00-" + kTrace + "-" + kSpan + "-01", to_traceparent(*read));
}

TEST(TraceContext, OfFlagsOnlyTheKnownOneGoesOn) {
  EXPECT_TRUE(parse_traceparent("00-" + kTrace + "-" + kSpan + "-ff")->is_sampled);
  const auto unsampled = parse_traceparent("00-" + kTrace + "-" + kSpan + "-fe");
  ASSERT_TRUE(unsampled);
  EXPECT_EQ("00-" + kTrace + "-" + kSpan + "-00", to_traceparent(*unsampled));
}

TEST(TraceContext, AVersionToComeMayHaveMoreBehindIt) {
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01"));
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01-what-the-future-holds"));
  EXPECT_FALSE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01.what"));
  EXPECT_FALSE(parse_traceparent("00-" + kTrace + "-" + kSpan + "-01-what"));
}

TEST(TraceContext, WhatIsMalformedIsNone) {
  const std::string zeros(32, '0');
  for (const std::string& text :
       {std::string(), std::string("00"), "ff-" + kTrace + "-" + kSpan + "-01",
        "00-" + zeros + "-" + kSpan + "-01", "00-" + kTrace + "-" + zeros.substr(16) + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01",
        "00-" + kTrace + "-" + kSpan + "-0g", "00-" + kTrace + "-" + kSpan,
        "00_" + kTrace + "-" + kSpan + "-01", "0-0" + kTrace + "-" + kSpan + "-01",
        "00-" + kTrace + "-" + kSpan + "-01 ", std::string(55, '-'), std::string(500, 'a')}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_traceparent(text));
  }
}

TEST(TraceContext, AChildHasTheTraceAndASpanOfItsOwn) {
  const TraceContext parent{kTrace, kSpan, true};
  const TraceContext child = child_of(parent, 0xabc);
  EXPECT_EQ(kTrace, child.trace_id);
  EXPECT_EQ("0000000000000abc", child.span_id);
  EXPECT_TRUE(parse_traceparent(to_traceparent(child_of(parent, 0))));
  EXPECT_TRUE(parse_traceparent(to_traceparent(child)));
}

}  // namespace
}  // namespace muster
