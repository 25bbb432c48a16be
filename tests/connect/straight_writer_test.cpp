// What is written straight from columns is, byte for byte, what is made of each person by themself.
#include "connect/straight_writer.h"

#include <gtest/gtest.h>

#include "connect/compress.h"
#include "connect/composer.h"
#include "tests/connect/export_world.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using muster::testing::Random;
using testing::World;

std::string random_text(Random& random) {
  static const std::vector<std::string> kParts{
      "a", "plain text of some length", "\"", "\\", "\n", std::string(1, '\0'), "\x1f", "\x7f",
      "é", "日本", "\xF0\x9F\x98\x80", "\xff", "1234567", "12345678", "Ann@Example.com"};
  std::string made;
  for (std::uint32_t i = random.below(5); i > 0; --i) {
    made += kParts[random.below(static_cast<std::uint32_t>(kParts.size()))];
  }
  return made;
}

Value random_value(Random& random) {
  switch (random.below(9)) {
    case 0: return Missing{};
    case 1: return random.below(2) == 0;
    case 2: return Decimal{static_cast<std::int64_t>(random()), 0};
    case 3: return Decimal{static_cast<std::int64_t>(random() % 100'000) - 50'000, 2};
    case 4: return static_cast<double>(random() % 10'000) / 7.0;
    case 5: return Instant{static_cast<TimeMs>(random() % 2'000'000'000'000)};
    case 6: return Date{static_cast<std::int32_t>(random.below(30'000))};
    default: return random_text(random);
  }
}

std::vector<MappedField> some_mapping() {
  MappedField mail{.name = "mail", .field = "a"};
  mail.rule.normalise = Normalise::Email;
  mail.rule.hash = Hash::Sha256;
  MappedField tags{.name = "tags", .field = "b"};
  MappedField lower{.name = "lower \"quoted\"", .field = "b"};
  lower.rule.normalise = Normalise::Lower;
  MappedField fixed{.name = "source", .from = MappedFrom::Constant,
                    .constant = Value(std::string("muster"))};
  MappedField nothing{.name = "nothing", .from = MappedFrom::Constant, .constant = Missing{}};
  MappedField own{.name = "own", .from = MappedFrom::ProfileId};
  MappedField trait{.name = "trait", .from = MappedFrom::Trait, .field = "c"};
  return {mail, tags, fixed, lower, nothing, own, trait};
}

engine::ProfileRow random_row(Random& random) {
  engine::ProfileRow row{.profile_id = random.below(9) == 0 ? "" : "p" + random_text(random),
                         .values = {}, .is_list = {}};
  for (const bool is_list : {false, true, true, false}) {  // As asked: a, b, b, c.
    std::vector<Value> values;
    const std::uint32_t count = random.below(is_list ? 4 : 2);
    for (std::uint32_t i = 0; i < count; ++i) values.push_back(random_value(random));
    row.values.push_back(std::move(values));
    row.is_list.push_back(is_list);
  }
  return row;
}

TEST(StraightWriter, WritesWhatIsMadeOfEachPerson) {
  Random random;
  const std::vector<MappedField> mapping = some_mapping();
  ASSERT_EQ(4U, asked_fields(mapping).size());
  for (int round = 0; round < 200; ++round) {
    const Nulls nulls = random.below(2) == 0 ? Nulls::Send : Nulls::Omit;
    std::vector<std::string> identify_by;
    if (random.below(2) == 0) identify_by = {"mail", "tags", "unknown"};
    std::vector<engine::ProfileRow> rows;
    for (std::uint32_t i = random.below(20); i > 0; --i) rows.push_back(random_row(random));
    const engine::ProfileColumns columns = engine::columns_of(rows, 4);
    StraightWriter writer(mapping, {.nulls = nulls, .identify_by = &identify_by}, columns);
    TextBuffer all;
    std::string expected;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Person person = person_of(mapping, rows[i]);
      EXPECT_EQ(has_any(mapping, person, identify_by), writer.identifies(i));
      if (i > 0) all.put(',');
      writer.write(all, i);
      expected += (i == 0 ? "" : ",") + member_json(mapping, person, nulls);
    }
    ASSERT_EQ(expected, all.view());
  }
}

// Wherever in a text, and in a text of whatever length, something is to be escaped.
TEST(TextBuffer, WritesTextsAsJsonWriterDoes) {
  Random random;
  TextBuffer out;
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'a');
        for (char& c : text) c = static_cast<char>(' ' + random.below(95));
        if (at < size) text[at] = static_cast<char>(byte);
        JsonWriter json;
        json.text(text);
        const std::size_t before = out.size();
        out.put_text(text);
        ASSERT_EQ(json.str(), out.from(before)) << "byte " << byte << " at " << at;
        if (out.size() > 10'000) out.cut(0);
      }
    }
  }
}

TEST(TextBuffer, KeepsWhatIsThereWhenItGrows) {
  Random random;
  TextBuffer out;
  std::string expected;
  for (int piece = 0; piece < 5'000; ++piece) {
    const std::string text = random_text(random);
    if (random.below(2) == 0) {
      out.put(text);
      expected += text;
    } else {
      out.put('x');
      expected += 'x';
    }
    if (random.below(100) > 0) continue;
    expected.resize(expected.size() / 2);
    out.cut(expected.size());
  }
  ASSERT_EQ(expected, out.view());
}

// Several batches are cut at once: each person is in one of them, and those are of the size asked.
TEST(StraightWriter, BatchesCutBesideEachOtherHaveEverybodyOnce) {
  World world;
  constexpr index::Ordinal kPeople = 20'011;
  for (index::Ordinal i = 0; i < kPeople; ++i) {
    world.people.add(i, i % 7 == 0 ? "" : "p" + std::to_string(i) + "@example.com");
    world.people.segments["buyers"].add(i);
  }
  world.open();
  world.define(R"(,"batch_size":3000,"concurrency":4)", R"(,"identify_by":["mail"])");
  ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
  world.work();
  const RunCounts counts = world.newest().counts;
  EXPECT_EQ((kPeople + 6) / 7, counts.unidentifiable);
  EXPECT_EQ(kPeople - counts.unidentifiable, counts.sent);
  EXPECT_EQ(counts.sent, world.receiver.order.size());
  EXPECT_EQ(counts.sent, world.receiver.holds.size());
  EXPECT_EQ(7U, world.newest().batches);
  ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
  world.work();
  EXPECT_EQ(counts.sent, world.newest().counts.already_there) << "digests are those of before";
}

TEST(Pack, GivesBackWhatWasPackedByEitherAndRefusesTheRest) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    for (std::uint32_t i = random.below(300); i > 0; --i) bytes += random_text(random);
    const std::string packed = pack(bytes), zipped = gzip_pack(bytes);
    EXPECT_TRUE(is_packed(packed));
    EXPECT_FALSE(is_packed(zipped));
    ASSERT_EQ(bytes, *unpack(packed, bytes.size()));
    ASSERT_EQ(bytes, *unpack(zipped, bytes.size()));
    ASSERT_EQ(packed, pack(bytes)) << "the same bytes give the same";
    const auto cut = unpack(packed.substr(0, packed.size() - 1 - random.below(4)), 1U << 20);
    ASSERT_FALSE(cut);
    EXPECT_EQ(ErrorCode::Corrupt, cut.error().code);
    ASSERT_FALSE(unpack(packed + "x", 1U << 20));
    if (!bytes.empty()) {
      const auto large = unpack(packed, bytes.size() - 1);
      ASSERT_FALSE(large);
      EXPECT_EQ(ErrorCode::TooLarge, large.error().code);
    }
  }
}

TEST(Pack, SeesEveryDamageOfABody) {
  Random random;
  std::string bytes;
  while (bytes.size() < 300) bytes += random_text(random) + "member";
  const std::string packed = pack(bytes);
  for (std::size_t at = 0; at < packed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = packed;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto read = unpack(damaged, 1U << 20);
      ASSERT_TRUE(!read || *read == bytes) << "byte " << at << ", bit " << bit;
    }
  }
}

}  // namespace
}  // namespace muster::connect
