#include <gtest/gtest.h>

#include "connect/destination_document.h"
#include "connect/sync_document.h"

namespace muster::connect {
namespace {

constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kNext = "whsec_III8/ebxwmsw+Q7H3QHkiHU0og8LDQTD";

std::string destination(std::string_view members) {
  return R"({"kind":"webhook","url":"https://hooks.example.com/in","secret":")" +
         std::string(kSecret) + "\"" + std::string(members) + "}";
}

TEST(DestinationDocument, SaysWhereAndWhatDoesNotFit) {
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "The document: a JSON object belongs here."},
      {R"({"kind":"fax"})", "/kind: 'webhook', 'recipe' or 'file' belongs here."},
      {R"({"kind":"webhook"})", "/url: this setting is missing."},
      {R"({"kind":"webhook","url":"not a url"})",
       "/url: The URL holds a space, a control character or a character beyond ASCII; write such "
       "characters percent-encoded."},
      {R"({"kind":"webhook","url":"ftp://example.com/"})",
       "/url: The URL does not begin with https:// or http://, the two that are spoken here."},
      {R"({"kind":"webhook","url":"https://u:p@example.com/"})",
       "/url: The URL holds a user name or password; put credentials into a header instead."},
      {R"({"kind":"webhook","url":"https://example.com/"})",
       "/secret: a signing secret is missing: 'whsec_' followed by the base64 of 24 to 64 random "
       "bytes."},
      {R"({"kind":"webhook","url":"https://example.com/","secret":"abc"})",
       "/secret: A signing secret is 'whsec_' followed by the base64 of 24 to 64 bytes."},
      {destination(R"(,"batchsize":1)"),
       "/batchsize: there is no setting 'batchsize'; did you mean 'batch_size'?"},
      {destination(R"(,"batch_size":0)"),
       "/batch_size: a whole number from 1 to 10000 belongs here."},
      {destination(R"(,"gzip":"yes")"), "/gzip: true or false belongs here."},
      {destination(R"(,"headers":{"Webhook-Id":"x"})"),
       "/headers/Webhook-Id: this header is set by the delivery itself."},
      {destination(R"(,"headers":{"X-A":"a\r\nX-B: b"})"),
       "/headers/X-A: a header value is one line of printable ASCII."},
      {destination(R"(,"headers":{"X A":"a"})"),
       "/headers/X A: this is no name of an HTTP header."},
      {destination(R"(,"headers":{"X-A":"a","x-a":"b"})"),
       "/headers/x-a: this header is named twice."},
      {destination(R"(,"headers":{"X-A":"***"})"),
       "/headers/X-A: '***' stands for a value that is not known: give it."},
      {destination(R"(,"retry_schedule_ms":[])"),
       "/retry_schedule_ms: a list of 1 to 100 delays in milliseconds, each at most a week, "
       "belongs here."},
  };
  for (const auto& [json, message] : cases) {
    SCOPED_TRACE(json);
    const auto document = parse_destination(json, nullptr);
    ASSERT_FALSE(document);
    EXPECT_EQ(ErrorCode::InvalidArgument, document.error().code);
    EXPECT_EQ(message, document.error().message);
  }
  EXPECT_FALSE(parse_destination(R"({"kind":)", nullptr));
}

TEST(DestinationDocument, NeverShowsASecretAndTakesTheMaskBack) {
  const auto document = parse_destination(
      destination(R"(,"secret_next":")" + std::string(kNext) +
                  R"(","headers":{"Authorization":"Bearer t0ken"},"batch_size":7)"),
      nullptr);
  ASSERT_TRUE(document);
  const std::string shown = to_shown_json(*document);
  for (const std::string_view secret : {kSecret.substr(6), kNext.substr(6), {"t0ken"}}) {
    EXPECT_EQ(std::string::npos, shown.find(secret));
  }
  const auto again = parse_destination(shown, &*document);
  ASSERT_TRUE(again);
  EXPECT_EQ(kSecret, again->secret);
  EXPECT_EQ(kNext, again->secret_next);
  EXPECT_EQ(document->headers, again->headers);
  EXPECT_EQ(7U, again->batch_size);
}

TEST(DestinationDocument, GivesAMaskedHeaderToNoOtherServer) {
  const auto document =
      parse_destination(destination(R"(,"headers":{"Authorization":"Bearer t0ken"})"), nullptr);
  ASSERT_TRUE(document);
  for (const char* url : {"https://evil.example.com/in", "http://hooks.example.com/in",
                          "https://hooks.example.com:444/in"}) {
    SCOPED_TRACE(url);
    const auto moved = parse_destination(
        R"({"kind":"webhook","headers":{"Authorization":"***"},"url":")" + std::string(url) + "\"}",
        &*document);
    EXPECT_FALSE(moved);
  }
}

TEST(DestinationDocument, IsStoredSealedAndReadBackWhole) {
  const SecretBox box = *SecretBox::with_key(std::string(32, 'k'));
  auto document = *parse_destination(
      destination(R"(,"headers":{"X-Key":"t0ken"},"gzip":true,"timeout_ms":500,)"
                  R"("max_attempts":3,"retry_schedule_ms":[0,10])"),
      nullptr);
  document.disabled = "It answered 410.";
  const auto stored = to_stored_json(document, box, "crm");
  ASSERT_TRUE(stored);
  EXPECT_EQ(std::string::npos, stored->find("MfKQ9r8"));
  EXPECT_EQ(std::string::npos, stored->find("t0ken"));
  const auto read = from_stored_json(*stored, box, "crm");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(kSecret, read->secret);
  EXPECT_EQ(document.headers, read->headers);
  EXPECT_EQ(document.disabled, read->disabled);
  EXPECT_TRUE(read->gzip);
  EXPECT_EQ(10, read->delay_before(7));
  EXPECT_FALSE(from_stored_json(*stored, box, "ads"));
}

TEST(SyncDocument, ReadsBackWhatItWrites) {
  const char* const texts[] = {
      R"({"segment":"s","destination":"d","mode":"diff","mapping":{},)"
      R"("schedule":"manual","paused":false,"nulls":"send"})",
      R"({"segment":"s","destination":"d","mode":"mirror","mapping":{"mail":"email"},)"
      R"("schedule":{"every":"15m"},"paused":true,"exclude":["x"],"identify_by":["mail"],)"
      R"("nulls":"omit"})",
      R"({"segment":"s","destination":"d","mode":"diff","mapping":{},)"
      R"("schedule":{"cron":"0 9 * * 1-5","timezone":"Europe/Berlin"},"paused":false,)"
      R"("nulls":"send"})",
      R"({"segment":"s","destination":"d","mode":"diff","mapping":{},)"
      R"("schedule":{"continuous":{"debounce":"90s"}},"paused":false,"nulls":"send",)"
      R"("contact_history":true})",
      R"({"segment":"s","destination":"d","mode":"diff","mapping":{},)"
      R"("schedule":"manual","paused":false,"nulls":"send",)"
      R"("split":{"salt":"x","arms":[{"name":"a","share":0.5},{"name":"b","share":0.25}],)"
      R"("holdout":0.25,"send":["b"]}})"};
  for (const char* text : texts) {
    const auto document = parse_sync(text);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_EQ(text, to_json(*document));
  }
}

TEST(SyncDocument, SaysWhereAndWhatDoesNotFit) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"segment":"s"})", "/destination: this setting is missing."},
      {R"({"segment":"s","destination":"d","mode":"all"})",
       "/mode: 'diff', 'mirror', 'append' or 'events' belongs here."},
      {R"({"segment":"s","destination":"d","mapping":{"id":"email"}})",
       "/mapping/id: 'id' is always the profile id; choose another name."},
      {R"({"segment":"s","destination":"d","mapping":{"a/b":1}})",
       "/mapping/a~1b: the name of a field, or an object with 'field', 'trait' or 'constant', "
       "belongs here."},
      {R"({"segment":"s","destination":"d","schedule":"daily"})",
       R"(/schedule: "manual", {"every": "15m"}, {"cron": "0 9 * * 1-5", "timezone": "UTC"} or )"
       R"({"continuous": {"debounce": "5s"}} belongs here.)"},
      {R"({"segment":"s","destination":"d","schedule":{"cron":"0 25 * * *"}})",
       "/schedule/cron: '25' is no hour from 0 to 23, range of them, or step."},
      {R"({"segment":"s","destination":"d","schedule":{"cron":"0 0 31 4 *"}})",
       "/schedule/cron: there is no such day in any month."},
      {R"({"segment":"s","destination":"d","schedule":{"continuous":{"debounce":"1"}}})",
       "/schedule/continuous/debounce: a duration from 1s to 366d, like 5s, belongs here."},
      {R"({"segment":"s","destination":"d","schedule":{"every":"0m"}})",
       "/schedule/every: a duration from 1s to 366d, like 15m, belongs here."},
      {R"({"segment":"s","destination":"d","identify_by":["email"]})",
       "/identify_by: 'email' is no name of the mapping."},
      {R"({"segment":"s","destination":"d","split":{"salt":"x",)"
       R"("arms":[{"name":"a","share":0.5}]}})",
       "/split/arms: the shares of the arms and the holdout make 0.5 together, and must make 1."},
      {R"({"segment":"s","destination":"d","split":{"salt":"x","arms":[{"name":"a","share":1},)"
       R"({"name":"a","share":1}]}})",
       "/split/arms/1/name: a name that no other arm has belongs here."},
      {R"({"segment":"s","destination":"d","split":{"salt":"x","arms":[{"name":"a","share":1}],)"
       R"("send":["z"]}})",
       "/split/send: a list of names of the arms belongs here."},
      {R"({"segment":"s","destination":"d","split":{"arms":[]}})",
       "/split/salt: this setting is missing."},
  };
  for (const auto& [json, message] : cases) {
    SCOPED_TRACE(json);
    const auto document = parse_sync(json);
    ASSERT_FALSE(document);
    EXPECT_EQ(message, document.error().message);
  }
}

}  // namespace
}  // namespace muster::connect
