// Chunked bodies, however they are cut into pieces.
#include "server/http/chunked.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

using State = ChunkedReader::State;

struct Outcome {
  State state;
  std::string body, rest;
};

// Feeds in pieces of one size, keeping what was not taken, as a connection does.
Outcome read(std::string_view bytes, std::size_t piece, std::size_t bytes_max = 1'000) {
  ChunkedReader reader(bytes_max);
  std::string buffer;
  while (reader.state() == State::More && !bytes.empty()) {
    buffer += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    buffer.erase(0, reader.feed(buffer));
  }
  return {reader.state(), reader.body(), buffer + std::string(bytes)};
}

TEST(ChunkedReader, ReadsTheSameHoweverItIsCut) {
  const std::string bytes =
      "5\r\nhello\r\n1;a=b;c=\"d;\\\"e\"\r\n \r\n0000A\r\n0123456789\r\n000\r\nX: y\r\n\r\nGET /";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    SCOPED_TRACE(piece);
    const Outcome outcome = read(bytes, piece);
    EXPECT_EQ(State::Done, outcome.state);
    EXPECT_EQ("hello 0123456789", outcome.body);
    EXPECT_EQ("GET /", outcome.rest);
  }
}

TEST(ChunkedReader, RefusesWhatOthersMightReadOtherwise) {
  const std::string wrong[] = {
      "\r\n",           "g\r\n",          "+5\r\nhello\r\n", "-1\r\n",      "0x5\r\nhello\r\n",
      " 5\r\nhello\r\n", "5 \r\nhello\r\n", "5\nhello\r\n",    "5\rhello\r\n", "5;\r\nhello\r\n",
      "5;a=\r\nhello\r\n", "5;a=\"b\r\nhello\r\n", "5\r\nhello0\r\n", "5\r\nhello\n0\r\n",
      "5\r\nhello\r0\r\n", "000000005\r\nhello\r\n", "0\r\nno colon\r\n\r\n",
      "0\r\n: x\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n\x01: y\r\n\r\n", "0\r\n\n",
  };
  for (const std::string& bytes : wrong) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
      SCOPED_TRACE(bytes);
      EXPECT_EQ(State::Wrong, read(bytes, piece).state);
    }
  }
}

TEST(ChunkedReader, BoundsTheBodyAndEverythingBesideIt) {
  EXPECT_EQ(State::TooLarge, read("3e9\r\n", 1).state);
  EXPECT_EQ(State::TooLarge, read("ffffffff\r\n", 1).state);
  EXPECT_EQ(State::TooLarge, read("3e8\r\n" + std::string(1'000, 'x') + "\r\n1\r\n", 64).state);
  EXPECT_EQ(State::Wrong, read(std::string(5'000, '0'), 1).state);
  EXPECT_EQ(State::Wrong, read("1;" + std::string(5'000, 'a'), 64).state);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1'000; ++i) trailers += "X: " + std::string(50, 'y') + "\r\n";
  EXPECT_EQ(State::Wrong, read(trailers, 4'096).state);
  std::string extensions;
  for (int i = 0; i < 900; ++i) extensions += "1;" + std::string(50, 'y') + "\r\nz\r\n";
  EXPECT_EQ(State::Wrong, read(extensions, 4'096).state);
}

}  // namespace
}  // namespace muster::server
