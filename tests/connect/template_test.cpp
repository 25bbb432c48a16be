// Templates: what they refuse, and what they make of people.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/random.h"
#include "connect/destination_document.h"
#include "connect/recipe.h"
#include "connect/templates/content.h"
#include "connect/templates/json_template.h"
#include "connect/templates/template_composer.h"
#include "connect/templates/text_template.h"

namespace muster::connect {
namespace {

const std::vector<std::string> kFields{"email", "n", "tags"};
const Settings kSet{{"list", "a/b"}};
const TemplateNames kNames{kFields, kSet};

MappedValue one(const std::string& text) { return {.values = {Value(text)}}; }

struct Somebody {
  BatchScope batch{.sync = "s", .segment = "g", .run = 3, .snapshot = 9,
                   .at = 1'700'000'000'000};
  std::vector<MappedField> mapping{{.name = "email"}, {.name = "n"}, {.name = "tags"},
                                   {.name = "extra"}};
  Person person{.id = "p\"1",
                .values = {one("a+b@c.d"), MappedValue{.values = {Value(Decimal{125, 1})}},
                           MappedValue{.values = {Value(std::string("x")), Value(std::string("y"))},
                                       .is_list = true},
                           MappedValue{}}};
  Nulls nulls = Nulls::Send;
  TemplateScope scope() const { return {batch, mapping, kFields, nulls, &person}; }
};

TEST(TextTemplate, SaysWhereAndWhatIsWrong) {
  struct Wrong {
    std::string text, message;
    bool person = true;
  };
  const Wrong cases[] = {
      {"x {{emial}}", "column 5: there is no name 'emial'; did you mean 'email'?"},
      {"x {{", "column 3: '{{' is never closed by '}}'."},
      {"{{}}", "column 3: a name is missing."},
      {"{{email|lowr}}", "column 9: there is no filter 'lowr'; did you mean 'lower'?"},
      {"{{settings.lst}}",
       "column 3: there is no setting 'settings.lst'; did you mean 'settings.list'?"},
      {"{{email}}", "column 3: 'email' is of one person", false},
      {"{{for x in y}}", "column 3: there is no name 'for x in y'"},
      {"\xFF", "column 1: this is not valid UTF-8."},
      {std::string(20'000, 'x'), "column 1: a template has at most 16384 bytes."},
      {"{{email|a|a|a}}", "column 9: there is no filter 'a'"},
      {"{{email|lower|lower|lower|lower|lower|lower|lower|lower|lower}}", "column 3: at most 8"},
  };
  for (const Wrong& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 80));
    const auto parsed = TextTemplate::parse(c.text, {kFields, kSet, c.person});
    ASSERT_FALSE(parsed);
    EXPECT_TRUE(parsed.error().message.starts_with(c.message)) << parsed.error().message;
  }
}

TEST(TextTemplate, EscapesByWhereItStands) {
  struct Case {
    std::string text;
    Escape escape;
    std::string expected;
  };
  const Case cases[] = {
      {"/l/{{settings.list}}/{{email}}", Escape::Url, "/l/a%2Fb/a%2Bb%40c.d"},
      {"{{id}}", Escape::Json, R"("p\"1")"},
      {"{{n}} {{tags}} {{run}}", Escape::Json, R"(12.5 ["x","y"] 3)"},
      {"{{id}}, {{tags}}", Escape::None, "p\"1, x,y"},
      {"{{id|xml}}", Escape::None, "p&quot;1"},
      {"{{id|csv}}", Escape::None, "\"p\"\"1\""},
      {"{{email | upper}}", Escape::None, "A+B@C.D"},
      {"{{email|email_no_plus|sha256}}", Escape::None,
       "6122bdd037450c5ffc7c2cd085f5ff42446a43efe71db1cb128bb0e31cd3ccd6"},
      {"{{settings.list|sha256_base64}}", Escape::None,
       "wUzdwDP2S53qgOpnXPKAoBXmclFgkKViZ4EVPcaP6hE="},
      {"{{time}}", Escape::None, "2023-11-14T22:13:20Z"},
      {"{{others}}", Escape::Json, R"({"extra":null})"},
  };
  const Somebody somebody;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    auto parsed = TextTemplate::parse(c.text, kNames);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(c.expected, parsed->render(somebody.scope(), c.escape));
  }
}

TEST(TextTemplate, KeepsHeadersOnOneLineAndPathsWhereTheyAre) {
  Somebody somebody;
  somebody.person.values[0] = one("a\r\nX-Evil: 1\xC3\xA4");
  const auto header = TextTemplate::parse("v {{email}}", kNames);
  EXPECT_EQ("v a%0D%0AX-Evil: 1%C3%A4", header->render(somebody.scope(), Escape::Header));
  const auto path = TextTemplate::parse("/u/{{email}}/x", kNames);
  EXPECT_TRUE(path->is_safe_path(somebody.scope()));
  for (const char* odd : {"", ".", ".."}) {
    somebody.person.values[0] = one(odd);
    EXPECT_FALSE(path->is_safe_path(somebody.scope())) << odd;
  }
}

// Whatever people are called, they stay where their place is.
TEST(TextTemplate, NobodyBreaksOutOfTheirPlace) {
  SeededRandom random(7);
  const auto json = JsonTemplate::parse(R"({"a":"{{email}}","b":"x {{email}}","c":"{{n}}"})", "",
                                        kNames);
  const auto line = TextTemplate::parse("{{email}}", kNames);
  constexpr std::string_view kOdd = "\"\\{}[],:/.?#%&=+ \r\n\t@<>'|\x01\x7f\xc3\xa4\xff$";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t i = random.next() % 12; i > 0; --i) {
      text += kOdd[random.next() % kOdd.size()];
    }
    Somebody somebody;
    somebody.person.values[0] = one(text);
    boost::json::error_code failed;
    const auto read = boost::json::parse(json->render(somebody.scope()), failed);
    ASSERT_FALSE(failed) << text;
    ASSERT_EQ(3U, read.as_object().size());
    for (const char c : line->render(somebody.scope(), Escape::Header)) {
      ASSERT_TRUE(c >= ' ' && c < '\x7f');
    }
    const std::string path = line->render(somebody.scope(), Escape::Url);
    ASSERT_EQ(std::string::npos, path.find_first_of("/?#&=+ \r\n"));
  }
}

std::string rendered(const std::string& json, const Somebody& somebody) {
  const auto parsed = JsonTemplate::parse(json, "/member", kNames);
  if (!parsed) return parsed.error().message;
  return parsed->render(somebody.scope());
}

TEST(JsonTemplate, PutsValuesWhereTheirPlacesAre) {
  Somebody somebody;
  EXPECT_EQ(R"({"a":"a+b@c.d","b":12.5,"c":"n is 12.5","d":["x","y"],"e":1,"p":"p\"1"})",
            rendered(R"({"a":"{{email}}","b":"{{n}}","c":"n is {{n}}","d":"{{tags}}","e":1,)"
                     R"("p":"{{id}}"})", somebody));
  somebody.person.values[0] = {};
  EXPECT_EQ(R"({"a":null,"l":[]})",
            rendered(R"({"a":"{{email}}","l":[{"m":"{{email}}"}]})", somebody));
  somebody.nulls = Nulls::Omit;
  EXPECT_EQ(R"({"n":12.5})", rendered(R"({"a":"{{email}}","n":"{{n}}"})", somebody));
  EXPECT_EQ(R"({"z":""})", rendered(R"({"z":"{{email|or_empty}}"})", somebody));
  EXPECT_EQ("{}", rendered(R"({"o":{"@all":true,"a":"{{email}}","n":"{{n}}"}})", somebody));
  somebody.person.values[3] = one("more");
  EXPECT_EQ(R"({"x":1,"extra":"more"})", rendered(R"({"x":1,"@others":true})", somebody));
  EXPECT_EQ(R"({"a/b":2})", rendered(R"({"{{settings.list}}":2})", somebody));
}

TEST(JsonTemplate, SaysWhereAndWhatIsWrong) {
  const Somebody somebody;
  EXPECT_EQ("/member/a/0: column 3: there is no name 'emial'; did you mean 'email'?",
            rendered(R"({"a":["{{emial}}"]})", somebody));
  EXPECT_TRUE(rendered(R"({"{{email}}":1})", somebody).starts_with("/member/{{email}}: a name"));
  EXPECT_TRUE(rendered(R"({"a":"{{members}}"})", somebody).starts_with("/member/a: '{{members}}'"));
  EXPECT_TRUE(rendered(R"({"@all":1})", somebody).starts_with("/member/@all: true belongs"));
  std::string deep = "1";
  for (int i = 0; i < 14; ++i) deep = "[" + deep + "]";
  EXPECT_NE(std::string::npos, rendered(deep, somebody).find("at most 12 levels"));
}

Result<DestinationDocument> destination(const std::string& members) {
  return parse_destination(R"({"kind":"webhook","url":"https://x.example.com/v1")" + members + "}",
                           nullptr);
}

TEST(Content, SaysWhereAndWhatIsWrong) {
  struct Wrong {
    std::string members, message;
  };
  const std::string fields = R"(,"fields":{"email":{}},)";
  const Wrong cases[] = {
      {R"(,"fields":{"email":{}})", "/requests: requests for"},
      {fields + R"("requests":{})", "/requests/add: this request is missing."},
      {fields + R"("requests":{"ad":{}})", "/requests/ad: there is no setting 'ad'."},
      {fields + R"("requests":{"add":{"method":"GET"}})", "/requests/add/method: 'POST', "},
      {fields + R"("requests":{"add":{"path":"x"}})", "/requests/add/path: a path"},
      {fields + R"("requests":{"add":{"path":"//evil.example.com/"}})", "/requests/add/path: "},
      {fields + R"("requests":{"add":{"path":"/a/../b"}})", "/requests/add/path: a path without"},
      {fields + R"("requests":{"add":{"path":"/%2E./{{id}}"}})", "/requests/add/path: a path with"},
      {fields + R"("requests":{"add":{"path":"/{{emial}}"}})",
       "/requests/add/path: column 4: there is no name 'emial'"},
      {fields + R"("requests":{"add":{"headers":{"webhook-id":"x"}}})",
       "/requests/add/headers/webhook-id: this header is set"},
      {fields + R"("requests":{"add":{"headers":{"X-A":"a\r\nb"}}})",
       "/requests/add/headers/X-A: a header value is one line"},
      {fields + R"("requests":{"add":{"body":["{{members}}"],"path":"/{{email}}"}})",
       "/requests/add/path: column 4: 'email' is of one person"},
      {fields + R"("requests":{"add":{"body":{"a":["{{members}}"],"b":["{{members}}"]}}})",
       "/requests/add/body: {{members}} stands in it twice"},
      {fields + R"("requests":{"add":{"body":"x","member":"y"}})",
       "/requests/add/member: a body without {{members}}"},
      {fields + R"("requests":{"add":{"batch_size":5}})", "/requests/add/batch_size: a body"},
      {fields + R"("requests":{"add":{"body":{"a":{"b":"{{nope}}"}}}})",
       "/requests/add/body/a/b: column 3: "},
      {fields + R"("requests":{"add":{"body":"{{members}}"}},"identify_by":["mail"])",
       "/identify_by: there is no field 'mail'; did you mean 'email'?"},
      {fields + R"("requests":{"add":{}},"answer":{"list":"x"})",
       "/answer/list: a JSON pointer"},
      {fields + R"("requests":{"add":{}},"answer":{"list":"/x","id":"/a","index":"/b"})",
       "/answer/id: 'index' or 'id'"},
      {R"(,"fields":{"email":{"hash":"md5"}})", "/fields/email/hash: "},
      {R"(,"recipe":"x")", "/recipe: only the kind 'recipe' has one."},
  };
  for (const Wrong& c : cases) {
    SCOPED_TRACE(c.members);
    const auto read = destination(c.members);
    ASSERT_FALSE(read);
    EXPECT_EQ(ErrorCode::InvalidArgument, read.error().code);
    EXPECT_TRUE(read.error().message.starts_with(c.message)) << read.error().message;
  }
  EXPECT_FALSE(destination(""));  // Nothing says what is sent: then it is signed.
}

// What every recipe needs to be read: a value for each setting without a default.
std::string settings_for(const DocumentReader& recipe) {
  const auto wanted = *recipe.object("settings");
  std::string json;
  for (const std::string& name : wanted->keys()) {
    if ((*wanted->object(name))->has("default")) continue;
    json += (json.empty() ? "" : ",") + ("\"" + name + "\":\"1\"");
  }
  return "{" + json + "}";
}

TEST(Recipes, AreReadAndStoredAndReadAgain) {
  ASSERT_EQ(8U, recipe_files().size());
  const SecretBox box = *SecretBox::with_key(std::string(32, 'k'));
  for (const RecipeFile& file : recipe_files()) {
    SCOPED_TRACE(file.name);
    const auto recipe = DocumentReader::of(file.json);
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_TRUE(recipe->has("source") && recipe->has("title") && recipe->has("authorisation"));
    const std::string json = R"({"kind":"recipe","recipe":")" + std::string(file.name) +
                             R"(","url":"https://proxy.example.com/x","settings":)" +
                             settings_for(*recipe) + "}";
    const auto document = parse_destination(json, nullptr);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_TRUE(document->content->remove.has_value());
    const auto stored = to_stored_json(*document, box, "d");
    ASSERT_TRUE(stored);
    const auto again = from_stored_json(*stored, box, "d");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_shown_json(*document), to_shown_json(*again));
    EXPECT_EQ(document->content->seed, again->content->seed);
    EXPECT_TRUE(shown_recipe(file.name));
  }
  const auto missing =
      parse_destination(R"({"kind":"recipe","recipe":"hubspot_list"})", nullptr);
  ASSERT_FALSE(missing);
  EXPECT_EQ("/settings: the recipe needs the setting 'list_id'.", missing.error().message);
  const auto unknown = parse_destination(R"({"kind":"recipe","recipe":"hubspot"})", nullptr);
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().message.starts_with("/recipe: there is no recipe 'hubspot'"));
}

}  // namespace
}  // namespace muster::connect
