// Keys and what they do to files: only the right key opens, every byte is another one on the disk.
#include "storage/keyring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

const std::string kKey(32, 'k'), kOther(32, 'o');

class Keys : public ::testing::Test {
 protected:
  std::shared_ptr<const Keyring> made() {
    auto ring = Keyring::make(kKey);
    EXPECT_TRUE(ring);
    return *ring;
  }
  std::shared_ptr<Keyring> made_in_file() {
    const auto ring = Keyring::make(kKey).value();
    EXPECT_TRUE(ring->write(file_));
    ring->live_in(file_, {});
    return ring;
  }
  std::string written(const std::string& name, const std::string& content, mode_t mode) {
    const fs::path file = folder_.path() / name;
    replace_content(file, content);
    EXPECT_EQ(0, ::chmod(file.c_str(), mode));
    return file.string();
  }
  std::string refusal(const std::string& source) {
    const auto key = read_key_encryption_key(source);
    EXPECT_FALSE(key) << source;
    return key ? "" : key.error().message;
  }

  TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / "keyring";
};

TEST_F(Keys, OnlyTheRightKeyOpensARing) {
  const auto ring = made();
  ASSERT_TRUE(ring->write(file_));
  const std::string file = ring->new_file().head();
  const auto again = Keyring::open(file_, kKey);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE((*again)->file_of(file));
  const auto wrong = Keyring::open(file_, kOther);
  ASSERT_FALSE(wrong);
  EXPECT_EQ("the key given with --encryption-key is not the one that " + file_.string() +
                " is sealed with; nothing was changed",
            wrong.error().message);
  EXPECT_EQ(ErrorCode::NotFound, Keyring::open(folder_.path() / "none", kKey).error().code);
}

TEST_F(Keys, AnotherKeyTakesThePlaceOfOne) {
  const auto ring = made();
  ASSERT_TRUE(ring->write(file_));
  const std::string text = encrypted(ring.get(), "what was written before");
  ASSERT_TRUE(ring->write_sealed_with(file_, kOther));
  EXPECT_FALSE(Keyring::open(file_, kKey));
  const auto again = Keyring::open(file_, kOther);
  ASSERT_TRUE(again);
  EXPECT_EQ("what was written before", decrypted(again->get(), text).value());
  // A ring of other data takes nobody's place.
  EXPECT_FALSE(made()->write(file_));
  EXPECT_TRUE(Keyring::open(file_, kOther));
}

TEST_F(Keys, AKeyIsAddedForGoodAndOlderOnesLeave) {
  const auto ring = Keyring::make(kKey).value();
  ASSERT_TRUE(ring->write(file_));
  ring->live_in(file_, {});
  const std::string first = encrypted(ring.get(), "under the first");
  EXPECT_EQ(2U, ring->add_key().value());
  const std::string second = encrypted(ring.get(), "under the second");
  EXPECT_EQ(1U, key_number_of(first));
  EXPECT_EQ(2U, key_number_of(second));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2}), Keyring::open(file_, kKey).value()->numbers());
  ASSERT_TRUE(ring->keep_keys({}));
  EXPECT_EQ(std::vector<std::uint32_t>{2}, ring->numbers());
  const auto again = Keyring::open(file_, kKey).value();
  EXPECT_FALSE(decrypted(again.get(), first));
  EXPECT_EQ("under the second", decrypted(again.get(), second).value());
  // This process knows it still, and brings it back where a file turns out to need it.
  EXPECT_EQ("under the first", decrypted(ring.get(), first).value());
  ASSERT_TRUE(ring->keep_keys({1}));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2}), Keyring::open(file_, kKey).value()->numbers());
  // The number of a key that left is not given again.
  ASSERT_TRUE(ring->keep_keys({}));
  EXPECT_EQ(3U, ring->add_key().value());
}

TEST_F(Keys, ARingThatCannotBeWrittenGetsNoKey) {
  const auto ring = Keyring::make(kKey).value();
  ASSERT_TRUE(ring->write(file_));
  ring->live_in(file_, {});
  replace_content(file_, "something else");
  EXPECT_FALSE(ring->add_key());
  EXPECT_EQ(1U, ring->newest());
  EXPECT_EQ(1U, key_number_of(ring->new_file().head()));
}

TEST_F(Keys, AnotherProcessFindsAKeyThatCameSince) {
  const auto server = made_in_file();
  const auto backup = Keyring::open(file_, kKey).value();
  const std::string before = encrypted(server.get(), "before");
  ASSERT_TRUE(server->add_key());
  const std::string since = encrypted(server.get(), "since");
  EXPECT_FALSE(decrypted(backup.get(), since));
  backup->live_in(file_, {});
  EXPECT_EQ("since", decrypted(backup.get(), since).value());
  // And keeps what it knew.
  ASSERT_TRUE(server->keep_keys({}));
  EXPECT_EQ("before", decrypted(backup.get(), before).value());
  EXPECT_EQ(2U, backup->newest());
}

TEST_F(Keys, SealingAnewLosesNoKeyThatCameSince) {
  const auto server = made_in_file();
  const auto rekey = Keyring::open(file_, kKey).value();
  ASSERT_TRUE(server->add_key());
  ASSERT_TRUE(rekey->write_sealed_with(file_, kOther));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2}), Keyring::open(file_, kOther).value()->numbers());
  // And what the server writes then keeps the other seal.
  const auto refused = server->add_key();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::PermissionDenied, refused.error().code);
  server->live_in(file_, []() -> Result<std::string> { return kOther; });
  ASSERT_TRUE(server->add_key());
  EXPECT_FALSE(Keyring::open(file_, kKey));
  EXPECT_EQ(3U, Keyring::open(file_, kOther).value()->numbers().size());
}

TEST_F(Keys, ACopyKeepsWhatOlderBackupsNeed) {
  const auto ring = made_in_file();
  const fs::path copy = folder_.path() / "copy";
  ASSERT_TRUE(ring->write(copy));
  const std::string old = encrypted(ring.get(), "in an old backup");
  ASSERT_TRUE(ring->add_key());
  ASSERT_TRUE(ring->keep_keys({}));
  ASSERT_TRUE(Keyring::open(file_, kKey).value()->write(copy));
  EXPECT_EQ("in an old backup", decrypted(Keyring::open(copy, kKey).value().get(), old).value());
  // One that cannot be looked into is kept beside.
  const std::string before = content_of(copy);
  ASSERT_TRUE(ring->write_sealed_with(file_, kOther));
  ASSERT_TRUE(Keyring::open(file_, kOther).value()->write(copy));
  EXPECT_EQ(std::vector<std::uint32_t>{2}, Keyring::open(copy, kOther).value()->numbers());
  const fs::path aside = copy.string() + "." + to_hex(before.substr(before.size() - 4));
  EXPECT_EQ("in an old backup", decrypted(Keyring::open(aside, kKey).value().get(), old).value());
}

TEST_F(Keys, TwoKeysOfOneNumberAreBothKept) {
  const fs::path other = folder_.path() / "other", exported = folder_.path() / "exported";
  const auto ring = made_in_file();
  fs::copy(file_, other);
  const auto twin = Keyring::open(other, kKey).value();
  twin->live_in(other, {});
  ASSERT_EQ(2U, ring->add_key().value());
  ASSERT_EQ(2U, twin->add_key().value());
  const std::string ours = encrypted(ring.get(), "ours"), theirs = encrypted(twin.get(), "theirs");
  ASSERT_TRUE(ring->write(exported));
  ASSERT_TRUE(twin->write(exported));
  int opened = 0;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    if (!entry.path().filename().string().starts_with("exported")) continue;
    const auto there = Keyring::open(entry.path(), kKey);
    ASSERT_TRUE(there);
    opened += decrypted(there->get(), ours) && *decrypted(there->get(), ours) == "ours";
    opened += decrypted(there->get(), theirs) && *decrypted(there->get(), theirs) == "theirs";
  }
  EXPECT_EQ(2, opened);
}

TEST_F(Keys, ADamagedRingIsNamed) {
  ASSERT_TRUE(made()->write(file_));
  const std::string whole = content_of(file_);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x04);
    for (const std::string& wrong : {changed, whole.substr(0, at)}) {
      replace_content(file_, wrong);
      const auto ring = Keyring::open(file_, kKey);
      ASSERT_FALSE(ring) << at;
      ASSERT_NE(std::string::npos, ring.error().message.find(file_.string()));
      ASSERT_NE(ErrorCode::PermissionDenied, ring.error().code) << at;
    }
  }
}

TEST_F(Keys, AFileReadsBackFromAnyPlace) {
  const auto ring = made();
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "row " + std::to_string(i) + "\n";
  const FileCipher writing = ring->new_file();
  ASSERT_EQ(kCipherHeadBytes, writing.head().size());
  // Written in pieces, as appends are.
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += 37) {
    bytes += writing.applied(at, std::string_view(text).substr(at, 37));
  }
  EXPECT_EQ(std::string::npos, bytes.find("row"));
  const auto reading = ring->file_of(writing.head());
  ASSERT_TRUE(reading);
  EXPECT_EQ(text, reading->applied(0, bytes));
  for (std::size_t at = 0; at < text.size(); at += 311) {
    EXPECT_EQ(text.substr(at, 100), reading->applied(at, bytes.substr(at, 100)));
  }
  // The same text in another file is other bytes.
  EXPECT_NE(bytes, ring->new_file().applied(0, text));
}

// NIST SP 800-38A, F.5.5: CTR-AES256.
TEST_F(Keys, CounterModeIsTheStandards) {
  const auto bytes = [](std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    return out;
  };
  const AesCtr cipher(bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
                      bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
  std::string text = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  cipher.apply(0, text.data(), text.size());
  EXPECT_EQ("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5", to_hex(text));
  std::string second = bytes("ae2d8a571e03ac9c9eb76fac45af8e51");
  cipher.apply(16, second.data(), second.size());
  EXPECT_EQ("f443e3ca4d62b59aca84e990cacaf5c5", to_hex(second));
}

TEST_F(Keys, AHeadThatIsNoneIsRefused) {
  const auto ring = made();
  const std::string head = ring->new_file().head();
  for (std::size_t at = 0; at < 32; ++at) {
    std::string changed = head;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(ring->file_of(changed)) << at;
  }
  EXPECT_FALSE(ring->file_of(head.substr(0, 63)));
  EXPECT_FALSE(ring->file_of(""));
  EXPECT_TRUE(cipher_of_file(nullptr, "").value().is_plain());
}

TEST_F(Keys, ComeFromAFileADescriptorOrACommand) {
  const std::string hex = to_hex(kKey);
  const std::string raw = written("raw", kKey, 0600), text = written("text", hex + "\n", 0400);
  const std::string base64 = written("base64", to_base64(kKey) + "\r\n", 0600);
  for (const std::string& source : {"file:" + raw, "file:" + text, "file:" + base64,
                                    "command:cat " + text, "command:printf " + hex}) {
    const auto key = read_key_encryption_key(source);
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(kKey, *key);
  }
  int ends[2] = {};
  ASSERT_EQ(0, ::pipe(ends));
  ASSERT_EQ(64, ::write(ends[1], hex.data(), hex.size()));
  ::close(ends[1]);
  EXPECT_EQ(kKey, read_key_encryption_key("fd:" + std::to_string(ends[0])).value());
}

TEST_F(Keys, SayWhatIsWrongWithThem) {
  const std::string open = written("open", kKey, 0640), small = written("small", "abc", 0600);
  EXPECT_EQ("the encryption key in " + open +
                " can be read by others than its owner: chmod 600 it",
            refusal("file:" + open));
  EXPECT_EQ("the encryption key of file:" + small +
                " is none: 32 bytes fit, or 64 hexadecimal digits, or base64 of 32 bytes",
            refusal("file:" + small));
  EXPECT_NE(std::string::npos, refusal("file:/nowhere").find("/nowhere"));
  EXPECT_EQ("--encryption-key 'secret' says not where the key is: file:PATH, fd:NUMBER or "
            "command:COMMAND",
            refusal("secret"));
  EXPECT_EQ("the command 'exit 3' that gives the encryption key failed",
            refusal("command:exit 3"));
  EXPECT_NE(std::string::npos, refusal("fd:x").find("like fd:3"));
  EXPECT_NE(std::string::npos, refusal("command:yes").find("is none"));
}

}  // namespace
}  // namespace muster::storage
