// Keys of people: what is sealed in checkpoints, what a destroyed key takes away, and that a start
// gives the same state whatever was destroyed.
#include "storage/person_keys.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/checkpoints.h"
#include "index/image/writer_image.h"
#include "index/lost_names.h"
#include "tests/engine/compaction_world.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using storage::PersonKeys;

class PersonKeysWorld : public CompactionWorld {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::KeySlots::make(file_, storage::SlotUse::People, *ring_));
    open_keys();
    restart();
  }

  void open_keys() {
    auto opened = PersonKeys::open(file_, *ring_, storage::LogAccess::ReadWrite);
    ASSERT_TRUE(opened) << opened.error().message;
    keys_ = std::move(*opened);
    store_.emplace(folder_.path() / "checkpoints", nullptr, keys_);
    test_.keep_checkpoints(*store_);
  }
  // As after a kill: nothing of the process is left.
  void start_again() {
    open_keys();
    restart();
  }

  // Where any of the texts can be read in checkpoints, by who has all keys that there are: the
  // sections as they stand, and every text that can be opened.
  std::vector<std::string> readable(const std::vector<std::string>& texts) {
    std::vector<std::string> places;
    const auto look = [&](const std::string& where, std::string_view bytes) {
      for (const std::string& one : texts) {
        if (bytes.find(one) != std::string::npos) places.push_back(one + " in " + where);
      }
    };
    for (const std::uint64_t sequence : store_->sequences()) {
      const auto checkpoint = store_->open(sequence);
      EXPECT_TRUE(checkpoint);
      const std::string of = " of " + std::to_string(sequence);
      for (const auto& [name, place] : (*checkpoint)->manifest().sections) {
        look(name + of, *(*checkpoint)->read(name));
      }
      auto state = index::WriterImage::read(**checkpoint, 1, {}, keys_.get());
      EXPECT_TRUE(state) << state.error().message;
      const index::Generation& known = state->state();
      const auto look_at = [&](const std::string& where, const index::Dictionary& dictionary) {
        for (std::uint32_t code = 0; code < dictionary.size(); ++code) {
          look(where + of, dictionary.key(code));
        }
      };
      look_at("ids", known.profiles.ids);
      for (const auto& [name, attribute] : known.profiles.attributes) {
        look_at(name, attribute->dictionary);
      }
      for (const auto& [name, identifier] : known.identifiers) look_at(name, identifier->values);
    }
    return places;
  }

  index::Ordinal ordinal_of(const std::string& id) {
    const auto checkpoint = store_->open(store_->sequences().front());
    const auto state = index::WriterImage::read(**checkpoint, 1, {}, keys_.get());
    return state->state().profiles.ids.find(id).value();
  }
  void suppress(const std::string& id, const std::string& email) {
    suppression_->add({0, kNow, {suppression_->tag("profile_id", id),
                                 suppression_->tag("email", email)}});
    ASSERT_TRUE(suppression_->sync());
  }

  const fs::path file_ = folder_.path() / "person-keys";
  const std::shared_ptr<const storage::Keyring> ring_ =
      storage::Keyring::make(std::string(32, 'k')).value();
  std::shared_ptr<PersonKeys> keys_;
  std::optional<storage::CheckpointStore> store_;
};

// But what she searched for: events are nobody's alone.
const std::vector<std::string> kHerNames{"marked-ana", "ana.old@marked.example",
                                         "ana@marked.example", "Marked Street 7"};

TEST_F(PersonKeysWorld, WhatIsOnePersonsAloneIsSealedAndComesBack) {
  fill();
  const auto before = fingerprint();
  const auto bytes_of_checkpoints = [&] {
    std::string all;
    for (const auto& entry :
         fs::recursive_directory_iterator(folder_.path() / "checkpoints")) {
      if (entry.is_regular_file()) all += bytes_of(entry.path());
    }
    return all;
  }();
  for (const char* one : {"marked-ana", "ana@marked.example", "cem", "Side Street 2"}) {
    EXPECT_EQ(bytes_of_checkpoints.find(one), std::string::npos) << one;
  }
  // What two have is nobody's alone; what nobody has any more is not there.
  EXPECT_NE(bytes_of_checkpoints.find("Main Street 1"), std::string::npos);
  EXPECT_EQ(readable({"Marked Street 7"}), std::vector<std::string>{});
  start_again();
  EXPECT_EQ(before, fingerprint());
  EXPECT_EQ(1U, count("email = \"ana@marked.example\""));
  EXPECT_EQ(1U, count("street = \"Side Street 2\""));
}

TEST_F(PersonKeysWorld, NothingOfAnErasedPersonCanBeReadBeforeAnyCompaction) {
  fill();
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_NE(readable(kHerNames), std::vector<std::string>{});
  erase("marked-ana");
  EXPECT_EQ(readable(kHerNames), std::vector<std::string>{});
  ASSERT_TRUE(test_.profiles({person("dora", "dora@example.com", "Side Street 9")}));
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_EQ(readable(kHerNames), std::vector<std::string>{});
  EXPECT_EQ(readable({"cem"}).empty(), false);
}

TEST_F(PersonKeysWorld, AStartFromBeforeTheErasureGivesTheSameState) {
  fill();
  // Rows about her by each of her names, some given up, between the checkpoint and the end.
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "later")}));
  ASSERT_TRUE(test_.profiles({person("marked-ana", "ana@marked.example", "Late Street 1")}));
  ASSERT_TRUE(test_.profiles({person("marked-ana", "ana.third@marked.example", "Side Street 2")}));
  ASSERT_TRUE(test_.events({search_by("ana.third@marked.example", "later"),
                            search_by("ana@marked.example", "by nobody known")}));
  ASSERT_TRUE(test_.profiles({person("fay", "fay@example.com", "Marked Street 7")}));
  erase("marked-ana");
  ASSERT_TRUE(test_.profiles({person("gus", "gus@example.com", "Late Street 1")}));
  const auto before = fingerprint();
  start_again();
  EXPECT_EQ(before, fingerprint());
  EXPECT_EQ(test_.notices(), std::vector<std::string>{});
  EXPECT_EQ(1U, count("street = \"Late Street 1\""));
  // And so does the whole log.
  test_.start_from(engine::Base::Nothing);
  start_again();
  EXPECT_EQ(before, fingerprint());
}

TEST_F(PersonKeysWorld, AKeyThatIsDestroyedWithoutARecordErasesAtTheNextStart) {
  fill();
  const std::uint64_t everybody = count("everyone");
  // The process ends between the keys and the log.
  const index::Ordinal ordinal = ordinal_of("marked-ana");
  keys_->destroy({&ordinal, 1});
  ASSERT_TRUE(keys_->sync(1));
  suppress("marked-ana", "ana@marked.example");
  start_again();
  EXPECT_EQ(everybody - 1, count("everyone"));
  EXPECT_EQ(readable(kHerNames), std::vector<std::string>{});
  const auto again = test_.profiles({person("marked-ana", "ana@marked.example", "Here")});
  ASSERT_TRUE(again);
  EXPECT_EQ(1U, again->rejected) << "she is not taken in again";
  const auto before = fingerprint();
  start_again();
  EXPECT_EQ(before, fingerprint());
}

TEST_F(PersonKeysWorld, NobodyCanComeByALostName) {
  fill();
  const std::uint64_t everybody = count("everyone");
  const std::string lost = "\x01lost:0123456789abcdef";
  const auto taken = test_.profiles({person(lost, "new@plain.example", "Here"),
                                     person("plain-new", lost, "Here"),
                                     person("plain-newer", "newer@plain.example", "Here")});
  ASSERT_TRUE(taken);
  EXPECT_EQ(2U, taken->rejected);
  start_again();
  EXPECT_EQ(everybody + 1, count("everyone"));
}

TEST_F(PersonKeysWorld, WhatDidNotChangeIsTheSameBytesInTheNextCheckpoint) {
  fill();
  const auto sealed = [&] {
    std::map<std::string, Hash128> hashes;
    const auto checkpoint = store_->open(store_->sequences().front());
    for (const auto& [name, place] : (*checkpoint)->manifest().sections) {
      if (name.find("/sealed/") != std::string::npos) hashes[name] = place.hash;
    }
    return hashes;
  };
  const auto before = sealed();
  EXPECT_GE(before.size(), 4U);
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "later")}));
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_EQ(before, sealed());
  start_again();
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "later still")}));
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_EQ(before, sealed()) << "by another process";
  ASSERT_TRUE(test_.profiles({person("dora", "dora@example.com", "Side Street 9")}));
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_NE(before, sealed());
}

TEST_F(PersonKeysWorld, AnOlderKeyFileIsRefusedAndNamed) {
  fill();
  erase("cem");
  const std::string older = bytes_of(file_);
  erase("marked-ana");
  const std::string newest = bytes_of(file_);
  const auto put = [&](const std::string& bytes) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
    open_keys();
  };
  put(older);
  const Status refused = test_.restart();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("person-keys is older than the log"), std::string::npos)
      << refused.error().message;
  put(newest);
  restart();
  EXPECT_EQ(0U, count("email = \"ana@marked.example\""));
}

// A newer state had people whom this one has not; their numbers are given again.
TEST_F(PersonKeysWorld, ANumberWhoseKeyWasDestroyedElsewhereGetsAnother) {
  fill();
  const index::Ordinal next[] = {static_cast<index::Ordinal>(100)};
  keys_->destroy(next);
  ASSERT_TRUE(keys_->sync(0));
  start_again();
  EXPECT_EQ(2U, keys_->slots().state(100));
  EXPECT_EQ(test_.notices(), std::vector<std::string>{});
}

TEST_F(PersonKeysWorld, ACompactionLeavesNothingAndTheSameState) {
  fill();
  erase("marked-ana");
  start_again();
  compact();
  EXPECT_EQ(places_of(kHers), std::vector<std::string>{});
  EXPECT_EQ(readable(kHers), std::vector<std::string>{});
  const auto before = fingerprint();
  start_again();
  EXPECT_EQ(before, fingerprint());
  EXPECT_EQ(1U, count("street = \"Side Street 2\""));
}

}  // namespace
}  // namespace muster::testing
