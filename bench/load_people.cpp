#include "bench/load_people.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>

#include "base/random.h"
#include "base/time.h"

namespace muster::bench {
namespace {

constexpr std::size_t kChunkBytes = 4U << 20;
constexpr TimeMs kNow = 1'760'000'000'000;  // Times lie before this moment, in October 2025.
constexpr TimeMs kDayMs = 86'400'000;

struct Choice {
  std::string_view name, stem;
  std::uint64_t values;
  bool skewed;  // Small numbers are more frequent.
};

constexpr std::array kLow = {
    Choice{"country", "C", 250, true},     Choice{"language", "lang", 40, true},
    Choice{"gender", "g", 3, false},       Choice{"plan", "plan-", 5, true},
    Choice{"device", "device-", 8, false}, Choice{"source", "source-", 30, true},
    Choice{"tier", "tier-", 12, false},
};
constexpr std::array kThousand = {
    Choice{"city", "City of ", 1'000, true},
    Choice{"store", "store-", 1'000, false},
    Choice{"campaign", "campaign_", 1'000, false},
    Choice{"favourite", "sku-00-", 1'000, true},
};
constexpr std::array kLists = {Choice{"interests", "interest-", 50, true},
                               Choice{"tags", "t", 200, false}};

std::uint64_t pick(const Choice& choice, SeededRandom& random) {
  const std::uint64_t value = random.below(choice.values);
  return choice.skewed ? value * random.below(choice.values) / choice.values : value;
}

std::string as_time(TimeMs ms) {
  return to_rfc3339(ms);
}

// One person in both spellings: the same random numbers, other punctuation.
class Spelling {
 public:
  Spelling(std::string& out, bool json) : out_(out), json_(json) {}

  void number(std::string_view name, std::string_view value) {
    key(name);
    out_ += value;
  }
  void text(std::string_view name, std::string_view stem, std::string_view value) {
    key(name);
    if (json_) out_ += '"';
    out_.append(stem).append(value);
    if (json_) out_ += '"';
  }
  void list(const Choice& choice, SeededRandom& random) {
    key(choice.name);
    if (json_) out_ += '[';
    const std::uint64_t size = random.below(5);
    for (std::uint64_t i = 0; i < size; ++i) {
      if (i > 0) out_ += json_ ? ',' : '|';
      const std::string value = std::to_string(pick(choice, random));
      out_ += json_ ? "\"" : "";
      out_.append(choice.stem).append(value);
      out_ += json_ ? "\"" : "";
    }
    if (json_) out_ += ']';
  }
  void end() { out_ += json_ ? "}\n" : "\n"; }

 private:
  void key(std::string_view name) {
    out_ += first_ ? (json_ ? "{" : "") : ",";
    first_ = false;
    if (json_) out_.append("\"").append(name).append("\":");
  }

  std::string& out_;
  bool json_, first_ = true;
};

void add_person(std::uint64_t number, SeededRandom& random, Spelling spell) {
  spell.text("profile_id", "user-", std::to_string(number));
  for (const Choice& choice : kLow) {
    spell.text(choice.name, choice.stem, std::to_string(pick(choice, random)));
  }
  spell.number("newsletter", random.below(3) == 0 ? "true" : "false");
  for (const Choice& choice : kThousand) {
    spell.text(choice.name, choice.stem, std::to_string(pick(choice, random)));
  }
  spell.number("age", std::to_string(16 + random.below(80)));
  spell.number("score", std::to_string(random.below(60'000)));
  const std::uint64_t cents = random.below(5'000'000);
  spell.number("spent", fmt::format("{}.{:02}", cents / 100, cents % 100));
  spell.number("account", std::to_string(random.next() >> 20));
  spell.text("signup", "",
             as_time(kNow - static_cast<TimeMs>(random.below(2'000)) * kDayMs -
                     static_cast<TimeMs>(random.below(86'400'000))));
  spell.text("last_seen", "",
             as_time(kNow - static_cast<TimeMs>(random.below(30)) * kDayMs -
                     static_cast<TimeMs>(random.below(86'400'000))));
  for (const Choice& choice : kLists)
    spell.list(choice, random);
  spell.end();
}

PeopleText people_as(bool json, std::uint64_t people, std::uint64_t seed) {
  PeopleText text;
  SeededRandom random(seed);
  for (std::uint64_t i = 0; i < people; ++i) {
    if (text.chunks.empty() || text.chunks.back().size() >= kChunkBytes) {
      text.chunks.emplace_back().reserve(kChunkBytes + 2'048);
    }
    std::string& chunk = text.chunks.back();
    const std::size_t before = chunk.size();
    add_person(i, random, Spelling(chunk, json));
    text.bytes += chunk.size() - before;
  }
  return text;
}

}  // namespace

PeopleText people_as_ndjson(std::uint64_t people, std::uint64_t seed) {
  return people_as(true, people, seed);
}

PeopleText people_as_csv(std::uint64_t people, std::uint64_t seed) {
  PeopleText text = people_as(false, people, seed);
  text.csv_header = "profile_id";
  const auto add = [&text](std::string_view name) { text.csv_header.append(",").append(name); };
  for (const Choice& choice : kLow)
    add(choice.name);
  add("newsletter");
  for (const Choice& choice : kThousand)
    add(choice.name);
  for (const auto* name : {"age", "score", "spent", "account", "signup", "last_seen"})
    add(name);
  for (const Choice& choice : kLists)
    add(choice.name);
  text.csv_header += '\n';
  return text;
}

std::string people_schema() {
  std::string json = R"({"fields": {)";
  const auto add = [&json](std::string_view name, std::string_view type, std::string_view more) {
    json += fmt::format("{}\"profiles.{}\": {{\"type\": \"{}\"{}}}", json.back() == '{' ? "" : ", ",
                        name, type, more);
  };
  for (const Choice& choice : kLow)
    add(choice.name, "string", "");
  add("newsletter", "bool", "");
  for (const Choice& choice : kThousand)
    add(choice.name, "string", "");
  for (const char* name : {"age", "score", "account"})
    add(name, "int64", "");
  add("spent", "decimal", ", \"scale\": 2");
  for (const char* name : {"signup", "last_seen"})
    add(name, "timestamp", "");
  for (const Choice& choice : kLists)
    add(choice.name, "string", ", \"list\": true");
  return json + "}}";
}

}  // namespace muster::bench
