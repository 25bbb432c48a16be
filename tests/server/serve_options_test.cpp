// Settings of the server: flags win over the environment, the environment over the file.
#include "server/cli/serve_options.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace muster::server {
namespace {

class ServeOptionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = std::filesystem::temp_directory_path() /
            ("muster-options-" + std::to_string(::getpid()) + ".toml");
  }
  void TearDown() override {
    std::filesystem::remove(file_);
    ::unsetenv("MUSTER_LISTEN");
  }

  Status read(const std::string& toml, std::vector<std::string> flags) {
    std::ofstream(file_) << toml;
    options_ = ServeOptions();
    CLI::App app;
    add_serve_options(app, options_);
    flags.insert(flags.begin(), {"--config", file_.string()});
    std::reverse(flags.begin(), flags.end());
    app.parse(flags);
    return apply_config(app, options_);
  }

  std::filesystem::path file_;
  ServeOptions options_;
};

TEST_F(ServeOptionsTest, TheFileFillsInWhatNobodySaid) {
  const Status done = read(
      "data = \"d\"\nlisten = \"127.0.0.1:1\"\nthreads = 3\nmemory = true\n"
      "allow-destination = [\"10.0.0.0/8\", \"[::1]:80\"]\n"
      "allow-origin = [\"https://a.example.com\"]\n", {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ("d", options_.data);
  EXPECT_EQ("127.0.0.1:1", options_.listen);
  EXPECT_EQ(3U, options_.threads);
  EXPECT_TRUE(options_.memory);
  EXPECT_EQ((std::vector<std::string>{"10.0.0.0/8", "[::1]:80"}), options_.allow_destination);
  EXPECT_EQ(std::vector<std::string>{"https://a.example.com"}, options_.allow_origin);
}

TEST_F(ServeOptionsTest, CheckpointsAndTheRetentionOfTheLog) {
  ASSERT_TRUE(read("checkpoint-mib = 5\nraw-retention = \"30d\"\nraw-archive = \"a\"\n"
                   "events-retention = \"400d\"\n", {}));
  EXPECT_EQ("400d", options_.events_retention);
  EXPECT_EQ(5U, options_.checkpoint_mib);
  EXPECT_EQ("30d", options_.raw_retention);
  EXPECT_EQ("a", options_.raw_archive);
  EXPECT_FALSE(read("checkpoint-mib = -1\n", {}));
  EXPECT_FALSE(read("raw-retention = 30\n", {}));
}

TEST_F(ServeOptionsTest, LengthsOfTime) {
  EXPECT_EQ(0, duration_of("0s").value());
  EXPECT_EQ(90 * 60'000, duration_of("90m").value());
  EXPECT_EQ(12 * 3'600'000, duration_of("12h").value());
  EXPECT_EQ(100'000 * 86'400'000LL, duration_of("100000d").value());
  for (const char* wrong : {"", "d", "30", "30 d", "-1d", "+1d", "1.5d", "100001d", "1w", "1dd",
                            "99999999999999999999d"}) {
    EXPECT_FALSE(duration_of(wrong)) << wrong;
  }
}

TEST_F(ServeOptionsTest, EventsAreKeptForAnHourAtLeast) {
  EXPECT_EQ(3'600'000, events_retention_of("1h").value());
  EXPECT_EQ(400 * 86'400'000LL, events_retention_of("400d").value());
  for (const char* wrong : {"0d", "0s", "59m", "3599s", "soon"}) {
    const auto refused = events_retention_of(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(std::string::npos, refused.error().message.find(wrong));
  }
}

TEST_F(ServeOptionsTest, FlagsThenEnvironmentThenFile) {
  const std::string toml = "listen = \"127.0.0.1:1\"\n";
  ::setenv("MUSTER_LISTEN", "127.0.0.1:2", 1);
  ASSERT_TRUE(read(toml, {}));
  EXPECT_EQ("127.0.0.1:2", options_.listen);
  ASSERT_TRUE(read(toml, {"--listen", "127.0.0.1:3"}));
  EXPECT_EQ("127.0.0.1:3", options_.listen);
}

TEST_F(ServeOptionsTest, TakesSizesAsPeopleWriteThem) {
  ASSERT_TRUE(read("memory-limit = \"3GiB\"\n", {}));
  EXPECT_EQ(std::uint64_t{3} << 30, options_.memory_limit);
  ASSERT_TRUE(read("memory-limit = 1048576\n", {}));
  EXPECT_EQ(std::uint64_t{1} << 20, options_.memory_limit);
  ASSERT_TRUE(read("", {"--memory-limit", "512MiB"}));
  EXPECT_EQ(std::uint64_t{512} << 20, options_.memory_limit);
  EXPECT_FALSE(read("memory-limit = \"much\"\n", {}));
  EXPECT_FALSE(read("memory-limit = -1\n", {}));
}

TEST_F(ServeOptionsTest, AWrongFileIsNamedWithItsMistake) {
  struct Case {
    std::string toml, named;
  };
  const Case cases[] = {
      {"lisen = \"x\"\n", "listen"},
      {"threads = \"three\"\n", "threads"},
      {"threads = -1\n", "threads"},
      {"listen = 5\n", "listen"},
      {"allow-destination = \"x\"\n", "allow-destination"},
      {"a = 1\nb = =\n", "line 2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.toml);
    const Status done = read(c.toml, {});
    ASSERT_FALSE(done);
    EXPECT_NE(std::string::npos, done.error().message.find(c.named)) << done.error().message;
    EXPECT_NE(std::string::npos, done.error().message.find(file_.string()));
  }
}

}  // namespace
}  // namespace muster::server
