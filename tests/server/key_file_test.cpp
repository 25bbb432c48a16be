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
  EXPECT_EQ(kKeyBytes, made->size());
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

TEST_F(KeyFile, EveryFlippedBitIsFound) {
  ASSERT_TRUE(make_key(path()));
  const auto size = static_cast<std::streamoff>(fs::file_size(path()));
  for (std::streamoff at = 0; at < size; ++at) {
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    const int byte = file.seekg(at).get();
    file.seekp(at).put(static_cast<char>(byte ^ 4)).flush();
    const auto read = read_key(path());
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(ErrorCode::Corrupt, read.error().code);
    EXPECT_NE(std::string::npos, read.error().message.find(path()));
    file.seekp(at).put(static_cast<char>(byte)).flush();
  }
  EXPECT_TRUE(read_key(path()));
}

TEST_F(KeyFile, OfAnotherPurposeIsNotTaken) {
  ASSERT_TRUE(make_key(path()));
  const std::string other = (folder_ / "audit.key").string();
  fs::copy_file(path(), other);
  const auto read = read_key(other);
  ASSERT_FALSE(read);
  EXPECT_EQ(ErrorCode::Corrupt, read.error().code);
}

TEST_F(KeyFile, WithoutAChecksumIsReadAsItWas) {
  std::ofstream(path()) << std::string(kKeyBytes, 'k');
  EXPECT_EQ(std::string(kKeyBytes, 'k'), read_key(path()).value());
  EXPECT_FALSE(read_key((folder_ / "absent.key").string()).value());
}

}  // namespace
}  // namespace muster::server
