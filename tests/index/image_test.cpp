// Numbers and bits of sections; and that no bytes, whatever they are, do more than fail.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "base/bytes.h"
#include "index/image/numbers.h"
#include "index/image/rows_image.h"
#include "index/image/writer_image.h"
#include "tests/support/people_decoder.h"
#include "tests/support/random_people.h"

namespace muster::index {
namespace {

using testing::Random;

std::vector<std::int64_t> random_numbers(Random& random, std::size_t size) {
  const unsigned bits = random.below(64);
  const auto base = static_cast<std::int64_t>(random());
  std::vector<std::int64_t> numbers(size);
  for (std::int64_t& number : numbers) {
    const std::uint64_t step = bits == 0 ? 0 : random() >> (64 - bits);
    number = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + step);
  }
  return numbers;
}

TEST(Numbers, ComeBackAsTheyWere) {
  Random random;
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  std::vector<std::vector<std::int64_t>> cases{{}, {0}, {kLeast, kGreatest}, {kGreatest}};
  for (int i = 0; i < 200; ++i) cases.push_back(random_numbers(random, random.below(10'000)));
  for (const auto& numbers : cases) {
    std::string bytes;
    ByteWriter out(bytes);
    write_numbers(out, numbers);
    ByteReader in(bytes);
    std::vector<std::int64_t> back(numbers.size());
    read_numbers(in, back);
    EXPECT_FALSE(in.failed());
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(numbers, back);
  }
}

TEST(Bits, ComeBackAsTheyWere) {
  Random random;
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = 1 + random.below(300);
    std::vector<std::uint64_t> bits((size + 63) / 64);
    const std::uint32_t kind = random.below(3);
    for (std::size_t at = 0; at < size; ++at) {
      const bool set = kind == 0 || (kind == 1 && random.below(2) == 0);
      bits[at / 64] |= static_cast<std::uint64_t>(set) << (at % 64);
    }
    std::string bytes;
    ByteWriter out(bytes);
    write_bits(out, bits, size);
    ByteReader in(bytes);
    EXPECT_EQ(bits, read_bits(in, size));
    EXPECT_TRUE(in.at_end());
  }
}

TEST(SectionName, KeepsPartsApart) {
  EXPECT_EQ("a/b%2Fc/%25%20", section_name({"a", "b/c", "% "}));
  EXPECT_EQ("0000000017", section_number(17));
}

// Sections in memory, without checksums: what a reader sees if those lied.
class Sections final : public SectionSource {
 public:
  Result<std::string> read(std::string_view name) const override {
    const auto found = all.find(std::string(name));
    if (found == all.end()) return damaged_section(name, "it is not there");
    return found->second;
  }
  std::vector<std::string> names(std::string_view prefix) const override {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : all) {
      if (name.starts_with(prefix)) names.push_back(name);
    }
    return names;
  }
  std::uint64_t bytes(std::string_view prefix) const override {
    std::uint64_t bytes = 0;
    for (const auto& [name, content] : all) bytes += name.starts_with(prefix) ? content.size() : 0;
    return bytes;
  }

  std::map<std::string, std::string> all;
};

Sections sections_of(Writer& writer) {
  Sections sections;
  const auto moment =
      std::make_shared<const WriterMoment>(WriterImage::capture(writer, 1));
  for (const Section& section : WriterImage::sections(moment)) {
    sections.all[section.name] = section.bytes().value();
  }
  sections.all["event-ids/1"] = WriterImage::id_bytes(WriterImage::take_fresh_ids(writer).ids);
  return sections;
}

void take(Writer& writer, TableKind kind, const std::string& name,
          const std::vector<testing::Row>& rows) {
  static const testing::PeopleDecoder decoder;
  const std::string bytes = testing::to_private_rows(rows);
  auto batch = decoder.decode({storage::DataFormat::Ndjson, "", bytes});
  ASSERT_TRUE(batch);
  auto typed = type_rows(std::make_shared<const Batch>(std::move(*batch)), {kind, name},
                         *writer.state().schema,
                         [&](const std::string& key, std::uint8_t scale) {
                           return writer.can_widen(key, scale);
                         });
  ASSERT_TRUE(typed) << typed.error().message;
  writer.resolve(*typed);
  writer.add_fields(typed->additions);
  writer.apply(*typed, 1);
}

Writer random_writer(Random& random) {
  Writer writer;
  WriterImage::list_fresh_ids(writer);
  Schema schema;
  schema.entity_ids["product"] = "id";
  schema.identifiers["email"] = "email";
  writer.set_schema(schema);
  const testing::People people = testing::random_people(random, {.people = 30});
  for (const auto& [name, ignored] : people.entities) {
    if (name == "product") take(writer, TableKind::Entities, name, entity_rows(people, name));
  }
  take(writer, TableKind::Profiles, "", profile_rows(people));
  for (int i = 0; i < 3; ++i) take(writer, TableKind::Events, "", event_rows(people));
  take(writer, TableKind::Identities, "",
       {{{"profile", testing::text(people.people[4].id)},
         {"anonymous", testing::text(people.people[5].id)},
         {"previous", testing::text("nobody")},
         {"call", testing::text("c")}},
        {{"profile", testing::text(people.people[6].id)},
         {"previous", testing::text(people.people[4].id)}}});
  writer.erase(people.people[3].id);
  writer.put_list("some", Bitmap::from_sorted(std::vector<Ordinal>{1, 2, 9}), 1);
  writer.put_document("segment", "s", {1, 2, false, "{}"});
  return writer;
}

TEST(EventIds, GiveAllWhenThereWereTooManyNewOnesToList) {
  EventIds ids;
  ids.remember({1, 1}, 1);
  ids.list_fresh();
  ids.remember({2, 2}, 2);
  ids.remember({2, 2}, 2);
  EventIds::Fresh fresh = ids.take_fresh();
  EXPECT_FALSE(fresh.all);
  ASSERT_EQ(1U, fresh.ids.size());
  EXPECT_EQ((Hash128{2, 2}), fresh.ids[0].id);
  EXPECT_EQ(2U, ids.take_fresh(true).ids.size());
  for (std::uint64_t i = 0; i <= EventIds::kFreshMax; ++i) ids.remember({3, mix64(i)}, i);
  fresh = ids.take_fresh();
  EXPECT_TRUE(fresh.all);
  EXPECT_EQ(EventIds::kFreshMax + 3, fresh.ids.size());
  EventIds again;
  again.reserve(fresh.ids.size());
  EventIds::sort(fresh.ids);
  EXPECT_TRUE(again.restore(fresh.ids));
  EXPECT_EQ(ids.digest(), again.digest());
  EXPECT_FALSE(again.restore(fresh.ids));
}

TEST(WriterImage, ComesBackAsItWas) {
  Random random;
  for (int i = 0; i < 20; ++i) {
    Writer writer = random_writer(random);
    const Sections sections = sections_of(writer);
    auto back = WriterImage::read(sections, 2);
    ASSERT_TRUE(back) << back.error().message;
    Sections again = sections_of(*back);
    again.all["event-ids/1"] = sections.all.at("event-ids/1");  // Known ones are not fresh.
    EXPECT_EQ(sections.all, again.all);
    EXPECT_EQ(writer.event_id_bytes() == 0, back->event_id_bytes() == 0);
  }
}

// A byte changed, cut, doubled or taken out, where the checksum does not tell: refused, or a state
// that can be asked and written again.
TEST(WriterImage, IsSafeWithAnyBytes) {
  Random random;
  Writer writer = random_writer(random);
  const Sections whole = sections_of(writer);
  std::vector<std::string> names = whole.names("");
  int refused = 0;
  constexpr int kTries = 1'000;
  for (int i = 0; i < kTries; ++i) {
    Sections damaged = whole;
    std::string& bytes = damaged.all[names[random.below(static_cast<std::uint32_t>(names.size()))]];
    const std::size_t at = random.below(static_cast<std::uint32_t>(bytes.size() + 1));
    switch (random.below(4)) {
      case 0: bytes.resize(at); break;
      case 1: bytes.insert(at, 1, static_cast<char>(random())); break;
      case 2: bytes.erase(at, 1); break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random());
    }
    auto back = WriterImage::read(damaged, 1);
    refused += back ? 0 : 1;
    if (!back) {
      EXPECT_EQ(ErrorCode::Corrupt, back.error().code);
      EXPECT_NE(std::string::npos, back.error().message.find("section '"));
      continue;
    }
    EXPECT_GT(sections_of(*back).all.size(), 5U);
    EXPECT_GT(back->publish(2)->bytes(), 0U);
  }
  EXPECT_GT(refused, kTries / 4);
}

// A part of a refresh that nothing is left of.
TEST(RowsImage, ColumnsWithoutRowsReadBack) {
  TypedRows rows;
  rows.columns.emplace_back().name = "n";
  std::string bytes;
  ByteWriter out(bytes);
  write_rows(out, rows);
  ByteReader in(bytes);
  const auto read = read_rows(in);
  ASSERT_TRUE(read && !in.failed());
  EXPECT_EQ(0U, read->rows);
  ASSERT_EQ(1U, read->columns.size());
  EXPECT_EQ("n", read->columns[0].name);
}

}  // namespace
}  // namespace muster::index
