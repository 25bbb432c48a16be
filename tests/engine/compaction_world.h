// A server's data with one person in them who is erased, and where that person can still be read.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "storage/archive.h"
#include "storage/checkpoint_store.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {


inline constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z
inline constexpr TimeMs kDay = 86'400'000;

// What must be gone: everything that was ever said of Ana.
inline const std::vector<std::string> kHers{"marked-ana", "ana.old@marked.example",
                                     "ana@marked.example", "Marked Street 7", "marked-note",
                                     "marked-search"};

inline Row person(const std::string& id, const std::string& email, const std::string& street) {
  return {{"profile_id", text(id)},
          {"email", text(email)},
          {"street", text(street)},
          {"plan", text("pro")}};
}

inline Row search_by(const std::string& email, const std::string& words) {
  return {{"email", text(email)},
          {"type", text("search")},
          {"ts", text("2024-06-14T12:00:00Z")},
          {"words", text(words)}};
}

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class CompactionWorld : public ::testing::Test {
 protected:
  CompactionWorld() { test_.keep_checkpoints(checkpoints_); }
  void SetUp() override { restart(); }

  void restart() {
    auto opened = storage::Suppression::open(folder_.path() / "suppression");
    ASSERT_TRUE(opened) << opened.error().message;
    suppression_ = std::move(*opened);
    test_.suppress_with(*suppression_);
    const Status restarted = test_.restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
  }

  void fill() {
    ASSERT_TRUE(test_.declare(
        R"({"identifiers": {"email": {"normalise": "email"}},
            "events": {"profile": "email", "identifier": "email"}})"));
    // An event before its profile; an address that was given up; one that somebody else has now.
    ASSERT_TRUE(test_.events({search_by("ben@example.com", "shoes")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "ana.old@marked.example", "Marked Street 7"),
                                person("ben-2", "other@example.com", "Main Street 1")}));
    ASSERT_TRUE(test_.events({search_by("ana.old@marked.example", "marked-search one"),
                              search_by("other@example.com", "shoes")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "shared@example.com", "Marked Street 7")}));
    ASSERT_TRUE(test_.events({search_by("shared@example.com", "marked-search two")}));
    ASSERT_TRUE(test_.profiles({person("marked-ana", "ana@marked.example", "Main Street 1")}));
    ASSERT_TRUE(test_.profiles({person("cem", "shared@example.com", "Side Street 2")}));
    ASSERT_TRUE(test_.events({search_by("shared@example.com", "hats"),
                              search_by("ana@marked.example", "marked-search three")}));
    // Rows that are refused name her too, and one of them says why.
    const engine::IngestRequest refused = refused_request();
    const auto taken = test_.engine().ingest(pass<engine::Permission::Ingest>(), refused);
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_EQ(1U, taken->rejected);
    ASSERT_TRUE(test_.profiles({{{"profile_id", text("eve")},
                                 {"email", text("ana@marked.example")}}}));
    ASSERT_TRUE(test_.take_checkpoint());
  }

  // One line that nobody can read, with her id in it, and a good one.
  engine::IngestRequest refused_request() const {
    return {.bytes = "marked-ana \"marked-note\n" +
                     test_.spelling().write({{{"profile_id", text("dora")}}}),
            .idempotency_key = "refused"};
  }

  void erase(const std::string& id) {
    const auto receipt = test_.engine().erase(pass<engine::Permission::Define>(), id);
    ASSERT_TRUE(receipt) << receipt.error().message;
  }

  engine::CompactionReceipt compact() {
    const auto done = test_.compact_erased();
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return done ? *done : engine::CompactionReceipt{};
  }

  std::uint64_t count(const std::string& where) {
    const auto answer = test_.count(question(where));
    EXPECT_TRUE(answer) << where << ": " << (answer ? "" : answer.error().message);
    return answer ? *answer : ~0ULL;
  }

  // Where any of these texts stands: in which record, file or answer.
  std::vector<std::string> places_of(const std::vector<std::string>& texts) {
    std::vector<std::string> places;
    const auto look = [&](const std::string& where, const std::string& bytes) {
      for (const std::string& one : texts) {
        if (bytes.find(one) != std::string::npos) places.push_back(one + " in " + where);
      }
    };
    std::uint64_t number = 0;
    for (const std::string& record : test_.memory_log().records()) {
      const std::string where = "record " + std::to_string(++number);
      look(where, record);
      const auto decoded = storage::decode(record);
      EXPECT_TRUE(decoded) << where;
      if (const auto* batch = std::get_if<storage::DataBatch>(&decoded->body)) {
        look(where, batch->raw);
      }
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      look(entry.path().filename(), bytes_of(entry.path()));
      const std::string name = entry.path().filename();
      if (name.starts_with("raw-0")) look_in_archive(entry.path(), look);
    }
    for (const auto& row : test_.engine().rejected(pass<engine::Permission::Query>(), 100)) {
      look("a rejected row", row.reason);
    }
    return places;
  }

  template <typename Look>
  void look_in_archive(const std::filesystem::path& file, const Look& look) {
    const auto one = [&](std::uint64_t sequence, std::string_view record) -> Status {
      const auto decoded = storage::decode(record);
      EXPECT_TRUE(decoded);
      look("archived record " + std::to_string(sequence),
           std::get<storage::DataBatch>(decoded->body).raw);
      return Ok{};
    };
    EXPECT_TRUE(storage::read_archive(file, one));
  }

  std::string raw_of(std::uint64_t record) {
    const auto decoded = storage::decode(test_.memory_log().records().at(record - 1));
    return std::get<storage::DataBatch>(decoded->body).raw;
  }

  std::map<std::string, Hash128> fingerprint() {
    const auto parts = test_.engine().fingerprint(pass<engine::Permission::Admin>());
    EXPECT_TRUE(parts);
    return parts ? *parts : std::map<std::string, Hash128>{};
  }

  TemporaryFolder folder_;
  storage::CheckpointStore checkpoints_{folder_.path() / "checkpoints"};
  std::unique_ptr<storage::Suppression> suppression_;
  TestEngine test_{default_rows(), kNow};
};

}  // namespace muster::testing
