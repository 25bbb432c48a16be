// Many tests of events, asked of one person at a time: whom a look-up is about.
//
// Which tests are over the same events, windows and properties is found out once. A person's rows
// of a name are then looked up once for all of them, and counted and added up once for each
// window. Some people together are asked by PeopleAsked (query/standing.h).
// Thread safety: immutable once made.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "query/standing.h"

namespace muster::query {

class PersonTests {
 public:
  static constexpr std::uint8_t kUnsaid = 2;

  PersonTests();  // None.
  explicit PersonTests(std::span<const EventTest> tests);
  ~PersonTests();
  PersonTests(PersonTests&&) noexcept;
  PersonTests& operator=(PersonTests&&) noexcept;

  // By test: 1 if the person passes it at the moment, 0 if not, or kUnsaid where the question
  // itself has to be asked: a sum may leave 62 bits, or its property is another one by now.
  // Requires as many answers as tests.
  // Cost: the person's rows of the names within any of their windows, once for their times and once
  // for each property that is added up; 16 bytes a row of memory meanwhile; and those tests.
  void ask(const index::Generation& generation, index::Ordinal person, TimeMs now,
           std::span<std::uint8_t> answers) const;

 private:
  class Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace muster::query
