// Key files: made once, whole or not at all, and never replaced.
#include "server/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::server {
namespace {

namespace fs = std::filesystem;

class KeyFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("muster-key-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "secret.key").string(); }

  fs::path folder_;
};

TEST_F(KeyFile, IsMadeOnceAndReadBack) {
  const auto made = read_or_make_key(path());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(kKeyFileBytes, made->size());
  const auto read = read_or_make_key(path());
  ASSERT_TRUE(read);
  EXPECT_EQ(*made, *read);
  struct stat status = {};
  ASSERT_EQ(0, ::stat(path().c_str(), &status));
  EXPECT_EQ(0600U, status.st_mode & 0777U);
}

TEST_F(KeyFile, ACrashWhileItWasMadeIsNoObstacle) {
  std::ofstream(path() + ".new") << "cut short";
  const auto made = read_or_make_key(path());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, *read_or_make_key(path()));
  EXPECT_FALSE(fs::exists(path() + ".new"));
}

TEST_F(KeyFile, ADamagedKeyIsRefusedAndLeftAsItIs) {
  std::ofstream(path()) << "short";
  const auto read = read_or_make_key(path());
  ASSERT_FALSE(read);
  EXPECT_EQ(ErrorCode::Corrupt, read.error().code);
  EXPECT_EQ(5U, fs::file_size(path()));
}

}  // namespace
}  // namespace muster::server
