#include "bench/language_duckdb.h"

#include <algorithm>

namespace muster::bench {
namespace {

constexpr std::uint32_t kPeopleAtOnce = 65'536;

template <typename Number>
std::span<const Number> part_of(const std::vector<Number>& numbers, std::size_t from,
                                std::size_t most) {
  return std::span(numbers).subspan(from, std::min(most, numbers.size() - from));
}

Status load_people(const LanguagePeople& people, duckdb::Session& session) {
  TRY(session.run("CREATE TABLE people (person UINTEGER, country UTINYINT, signup BIGINT)"));
  duckdb::Rows rows(session, "people", {duckdb::kUInteger, duckdb::kUTinyInt, duckdb::kBigInt});
  std::vector<std::uint32_t> ordinals, countries;
  std::vector<std::int64_t> signups;
  Person person;
  for (std::uint32_t ordinal = 0; ordinal < people.people(); ++ordinal) {
    people.draw(ordinal, person);
    ordinals.push_back(ordinal);
    countries.push_back(person.country);
    signups.push_back(person.signup);
    if (ordinals.size() < rows.chunk_size() && ordinal + 1 < people.people()) continue;
    rows.begin(ordinals.size());
    rows.column<std::uint32_t>(0, ordinals);
    rows.column<std::uint32_t>(1, countries);
    rows.column<std::int64_t>(2, signups);
    rows.end();
    ordinals.clear();
    countries.clear();
    signups.clear();
  }
  return Ok();
}

void append(const DidColumns& drawn, duckdb::Rows& rows) {
  const std::size_t most = rows.chunk_size();
  for (std::size_t from = 0; from < drawn.times.size(); from += most) {
    rows.begin(std::min(most, drawn.times.size() - from));
    rows.column(0, part_of(drawn.people, from, most));
    rows.column(1, part_of(drawn.times, from, most));
    rows.column(2, part_of(drawn.cents, from, most));
    rows.column(3, part_of(drawn.skus, from, most));
    rows.column(4, part_of(drawn.baskets, from, most));
    rows.end();
  }
}

Status load_events(const LanguagePeople& people, Did did, RowOrder order,
                   duckdb::Session& session) {
  const std::string name(kDid[static_cast<std::size_t>(did)]);
  TRY(session.run("CREATE TABLE " + name +
                  " (person UINTEGER, happened BIGINT, amount UINTEGER, sku USMALLINT, "
                  "basket UINTEGER)"));
  {
    duckdb::Rows rows(session, name,
                      {duckdb::kUInteger, duckdb::kBigInt, duckdb::kUInteger, duckdb::kUSmallInt,
                       duckdb::kUInteger});
    DidColumns drawn;
    for (std::uint32_t first = 0; first < people.people(); first += kPeopleAtOnce) {
      drawn.clear();
      people.draw(did, first, std::min(people.people(), first + kPeopleAtOnce), drawn);
      append(drawn, rows);
    }
  }
  if (order == RowOrder::Person) return Ok();
  TRY(session.run("CREATE TABLE sorted AS SELECT * FROM " + name + " ORDER BY happened"));
  TRY(session.run("DROP TABLE " + name));
  return session.run("ALTER TABLE sorted RENAME TO " + name);
}

}  // namespace

Status load_language(const LanguagePeople& people, RowOrder order, duckdb::Session& session) {
  TRY(load_people(people, session));
  for (std::size_t did = 0; did < kDid.size(); ++did) {
    TRY(load_events(people, static_cast<Did>(did), order, session));
  }
  return Ok();
}

}  // namespace muster::bench
