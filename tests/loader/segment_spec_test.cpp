// Calls in the Segment spec become rows: what stands where, in which part, and what is refused.
#include "loader/segment_spec.h"

#include <gtest/gtest.h>

#include "loader/json_members.h"
#include "tests/loader/decode.h"

namespace muster::testing {
namespace {

using loader::SpecCall;
using loader::SpecRows;
using storage::TableKind;

constexpr TimeMs kReceived = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

engine::RowNames names() {
  return {.profile_id = "profile_id",
          .event_profile = "profile_id",
          .event_name = "type",
          .event_time = "ts",
          .event_id = "event_id",
          .event_identifier = "profile_id",
          .account_id = ""};
}

Result<SpecRows> rows_of(SpecCall call, std::string_view body,
                         const engine::RowNames& columns = names()) {
  const std::function<std::string()> new_id = [] { return std::string("made"); };
  return loader::spec_rows({.call = call,
                            .body = body,
                            .received = kReceived,
                            .names = columns,
                            .new_id = new_id});
}

// Each part as its table and its rows.
std::string parts_of(const Result<SpecRows>& rows) {
  if (!rows) return rows.error().message;
  constexpr const char* kTables[] = {"profiles", "events", "userinfo", "entities", "identities"};
  std::string out;
  for (const engine::IngestRequest& part : rows->parts) {
    out += std::string(kTables[static_cast<std::size_t>(part.table)]) + part.name + "\n" +
           show(ndjson(part.bytes));
    for (const auto& [line, reason] : part.refused) {
      out += std::to_string(line) + ": !" + reason + "\n";
    }
  }
  return out;
}

TEST(SegmentSpec, ATrackIsAnEvent) {
  EXPECT_EQ(
      "events\n"
      "1: profile_id='u' type='Bought' ts='2024-06-01T10:00:00Z' event_id='m' price=19.90d "
      "item.sku='a'\n",
      parts_of(rows_of(SpecCall::Track,
                   R"({"userId": "u", "event": "Bought", "messageId": "m",
                       "timestamp": "2024-06-01T10:00:00Z",
                       "properties": {"price": 19.90, "item": {"sku": "a"}}})")));
}

TEST(SegmentSpec, AnIdentifySaysWhoThenWhat) {
  const std::string anonymous = engine::anonymous_profile("browser");
  EXPECT_EQ("identities\n1: call='made' profile='7' anonymous='" + anonymous +
                "'\nprofiles\n1: profile_id='7' plan='pro' age=41 traits.profile_id='x'\n",
            parts_of(rows_of(SpecCall::Identify,
                         R"({"userId": 7, "anonymousId": "browser",
                             "traits": {"plan": "pro", "profile_id": "x"},
                             "context": {"traits": {"plan": "free", "age": 41}}})")));
  EXPECT_EQ("identities\n1: call='made' profile='" + anonymous + "'\nprofiles\n1: profile_id='" +
                anonymous + "'\n",
            parts_of(rows_of(SpecCall::Identify, R"({"userId": null, "anonymousId": "browser"})")));
}

TEST(SegmentSpec, AnAliasJoinsBothThatThePreviousIdMayBe) {
  EXPECT_EQ("identities\n1: call='m' profile='u' previous='p' anonymous='" +
                engine::anonymous_profile("p") + "'\n",
            parts_of(rows_of(SpecCall::Alias,
                         R"({"userId": "u", "previousId": "p", "messageId": "m"})")));
}

TEST(SegmentSpec, AGroupIsAnAccountOrAnEvent) {
  const char* const body = R"({"userId": "u", "groupId": "acme", "messageId": "m",
                               "traits": {"seats": 5, "id": "x"}})";
  EXPECT_EQ(
      "identities\n1: call='m' profile='u'\n"
      "profiles\n1: profile_id='u' account_id='acme'\n"
      "events\n1: profile_id='u' type='Group Joined' ts='2024-06-15T12:00:00Z' "
      "event_id='m/group' account_id='acme' seats=5 id='x'\n",
      parts_of(rows_of(SpecCall::Group, body)));
  engine::RowNames columns = names();
  columns.account_id = "id";
  EXPECT_EQ(
      "identities\n1: call='m' profile='u'\n"
      "profiles\n1: profile_id='u' account_id='acme'\n"
      "entitiesaccount\n1: id='acme' seats=5 traits.id='x'\n",
      parts_of(rows_of(SpecCall::Group, body, columns)));
}

TEST(SegmentSpec, APageHasItsNameOnce) {
  EXPECT_EQ(
      "events\n"
      "1: profile_id='u' type='Page Viewed' ts='2024-06-15T12:00:00Z' event_id='made' "
      "name='Home' category='A' path='/' properties.category='B' context.page.url='x' "
      "context.locale='fr'\n",
      parts_of(rows_of(SpecCall::Page,
                   R"({"userId": "u", "name": "Home", "category": "A",
                       "properties": {"name": "Home", "category": "B", "path": "/"},
                       "context": {"page": {"url": "x", "size": 3}, "locale": "fr",
                                   "ip": "192.0.2.1", "device": 5}})")));
}

TEST(SegmentSpec, LinesArePlacesAndJoinsComeFirstInTheirStage) {
  const auto rows = rows_of(SpecCall::Batch, R"({"batch": [
      {"type": "track", "userId": "u", "event": "A", "messageId": "1"},
      {"type": "identify", "userId": "u", "traits": {"n": 1}, "messageId": "2"},
      {"type": "identify", "userId": "v", "traits": {"n": 2}, "messageId": "3"},
      {"type": "alias", "userId": "w", "previousId": "u", "messageId": "4"},
      {"type": "track", "userId": "u"}]})");
  ASSERT_TRUE(rows);
  EXPECT_EQ(5U, rows->calls);
  EXPECT_EQ(1U, rows->refused);
  EXPECT_EQ("identities\n2: call='2' profile='u'\n3: call='3' profile='v'\n"
            "profiles\n2: profile_id='u' n=1\n3: profile_id='v' n=2\n"
            "identities\n4: call='4' profile='w' previous='u' anonymous='" +
                engine::anonymous_profile("u") +
                "'\n"
                "events\n1: profile_id='u' type='A' ts='2024-06-15T12:00:00Z' event_id='1'\n"
                "5: !has no 'event', the name of what was done\n",
            parts_of(rows));
}

TEST(SegmentSpec, BreaksOfAPrettyBodyDoNotBreakRows) {
  EXPECT_EQ(
      "events\n1: profile_id='u' type='A' ts='2024-06-15T12:00:00Z' event_id='made' "
      "a=[1, 2] b='x\ny'\n",
      parts_of(rows_of(SpecCall::Track,
                   "\xef\xbb\xbf\r\n{\n\"userId\": \"u\",\r\n\"event\":\n\"A\", \"properties\": "
                   "{\n\"a\": [\n1,\n2\n],\n\"b\": \"x\\ny\"}\n}\n")));
}

TEST(SegmentSpec, TimesAreCorrectedByTheSendersClock) {
  struct Case {
    const char* times;
    const char* right;
  };
  const Case cases[] = {
      {R"("timestamp": "2024-01-01T00:00:00Z")", "2024-01-01T00:00:00Z"},
      {R"("timestamp": "2001-01-01T00:00:00Z", "sentAt": "2001-01-01T01:00:00Z")",
       "2024-06-15T11:00:00Z"},
      {R"("timestamp": "1999-01-01T00:00:00Z", "originalTimestamp": "2001-01-01T00:00:00Z",
          "sentAt": "2001-01-01T00:00:01.5Z")",
       "2024-06-15T11:59:58.500Z"},
      {R"("timestamp": "", "sentAt": "2001-01-01T01:00:00Z")", "2024-06-15T12:00:00Z"},
      {R"("timestamp": 978307200)", "2001-01-01T00:00:00Z"},
      {R"("timestamp": 978307200000)", "2001-01-01T00:00:00Z"},
      {R"("timestamp": "2024-01-01T00:00:00Z", "sentAt": "soon")", "2024-01-01T00:00:00Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.times);
    const std::string body = std::string(R"({"userId": "u", "event": "A", )") + c.times + "}";
    EXPECT_NE(std::string::npos,
              parts_of(rows_of(SpecCall::Track, body)).find(std::string("ts='") + c.right + "'"));
  }
}

TEST(SegmentSpec, RefusesWithAReason) {
  struct Case {
    const char* call;
    const char* word;
  };
  const Case cases[] = {
      {R"({"type": "track", "event": "A"})", "neither a 'userId' nor an 'anonymousId'"},
      {R"({"type": "track", "userId": " ", "anonymousId": {}, "event": "A"})", "neither"},
      {R"({"type": "track", "userId": "u", "event": ""})", "no 'event'"},
      {R"({"type": "identify", "userId": "u", "traits": "x"})", "'traits' that are no object"},
      {R"({"type": "page", "userId": "u", "properties": []})", "'properties' that are no object"},
      {R"({"type": "page", "userId": "u", "context": 1})", "'context' that are no object"},
      {R"({"type": "group", "userId": "u"})", "no 'groupId'"},
      {R"({"type": "alias", "userId": "u"})", "no 'previousId'"},
      {R"({"type": "alias", "previousId": "u"})", "no 'userId'"},
      {R"({"type": "track", "userId": "u", "event": "A", "timestamp": "20XX-01-01"})", "no time"},
      {R"({"type": "track", "userId": "u", "event": "A", "timestamp": 1e400})", "no time"},
      {R"({"type": "Track", "userId": "u"})", "none of identify"},
      {R"({"userId": "u"})", "none of identify"},
      {R"(5)", "no JSON object"},
      {R"({"type": "track", "userId": "\ud800", "event": "A"})", "half a character"},
      {"{\"type\": \"track\", \"userId\": \"\xff\", \"event\": \"A\"}", "UTF-8"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.call);
    const auto rows = rows_of(SpecCall::Batch, std::string(R"({"batch": [)") + c.call + "]}");
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(1U, rows->refused);
    ASSERT_EQ(1U, rows->parts.size());
    EXPECT_NE(std::string::npos, rows->parts[0].refused[0].reason.find(c.word))
        << rows->parts[0].refused[0].reason;
  }
}

TEST(SegmentSpec, WhatIsNoJsonIsAnErrorOfTheWholeBody) {
  const char* const bodies[] = {
      "", " ", "{", "}", "nope", R"({"batch": [{"a": 1})", R"({"batch": [{"a": }]})",
      R"({"batch": [{}], "context": {]})", R"({"batch": [{}]} {})", R"({"batch": [{} {}]})",
      R"({"batch": [{},]})", R"({"batch" [{}]})", R"({"batch": [}]})"};
  for (const char* body : bodies) {
    SCOPED_TRACE(body);
    const auto rows = rows_of(SpecCall::Batch, body);
    ASSERT_FALSE(rows);
    EXPECT_EQ(ErrorCode::InvalidArgument, rows.error().code);
    EXPECT_FALSE(rows_of(SpecCall::Track, body));
  }
  std::string many = "{\"batch\": [{}";
  for (std::size_t i = 0; i < loader::kSpecCallsMax; ++i) many += ",{}";
  const auto rows = rows_of(SpecCall::Batch, many + "]}");
  ASSERT_FALSE(rows);
  EXPECT_EQ(ErrorCode::TooLarge, rows.error().code);
}

TEST(SegmentSpec, NothingInABatchIsNothing) {
  const auto rows = rows_of(SpecCall::Batch, R"({"batch": []})");
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->parts.empty());
}

TEST(SegmentSpec, EventsByAnotherIdentifierAreRefused) {
  engine::RowNames columns = names();
  columns.event_identifier = "email";
  const auto rows =
      rows_of(SpecCall::Track, R"({"userId": "u", "event": "A"})", columns);
  ASSERT_TRUE(rows);
  EXPECT_EQ(1U, rows->refused);
}

TEST(SegmentSpec, TheKeyInTheBody) {
  EXPECT_EQ("k", loader::spec_write_key(R"({"batch": [{"writeKey": "no"}], "writeKey": "k"})"));
  EXPECT_EQ("", loader::spec_write_key(R"({"batch": [{"writeKey": "no"}]})"));
  EXPECT_EQ("", loader::spec_write_key(R"({"writeKey": 5})"));
  EXPECT_EQ("", loader::spec_write_key("nonsense"));
}

TEST(JsonMembers, KeepsValuesAsTheyCame) {
  const auto members = loader::members_of(R"( {"a\n": 1.50 , "b":{"c": "}"}, "d" : [ ] } )");
  ASSERT_TRUE(members);
  ASSERT_EQ(3U, members->size());
  EXPECT_EQ("a\n", (*members)[0].name);
  EXPECT_EQ("1.50", (*members)[0].value);
  EXPECT_EQ(R"({"c": "}"})", value_of(*members, "b"));
  EXPECT_EQ("", value_of(*members, "x"));
  EXPECT_TRUE(loader::elements_of(value_of(*members, "d"))->empty());
  EXPECT_EQ("x\"y", loader::text_in(R"("x\"y")"));
  EXPECT_FALSE(loader::text_in(R"("x""y")"));
}

}  // namespace
}  // namespace muster::testing
