#include "storage/rocks_env.h"

#include <rocksdb/env.h>
#include <rocksdb/env_encryption.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace muster::storage {
namespace {

using rocksdb::FileSystem;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Whole pages, as RocksDB advises.
constexpr std::size_t kPrefixBytes = 4'096;

rocksdb::Status no_memory() { return rocksdb::Status::MemoryLimit("no memory for a cipher"); }

// RocksDB stops the process with an assertion when its file IDENTITY is anything but unreadable.
rocksdb::Status damaged(const std::string& file, const std::string& what) {
  if (file.ends_with("/IDENTITY")) return rocksdb::Status::IOError(file, what);
  return rocksdb::Status::Corruption(file, what);
}

class Stream final : public rocksdb::BlockAccessCipherStream {
 public:
  explicit Stream(FileCipher cipher) : cipher_(std::move(cipher)) {}

  size_t BlockSize() override { return kAesBlockBytes; }
  rocksdb::Status Encrypt(uint64_t offset, char* data, size_t size) override {
    try {
      cipher_.apply(offset, data, size);
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status Decrypt(uint64_t offset, char* data, size_t size) override {
    return Encrypt(offset, data, size);
  }

 protected:
  // Of the base class's way, block by block, which the above replaces.
  void AllocateScratch(std::string&) override {}
  rocksdb::Status EncryptBlock(uint64_t, char*, char*) override { return by_block(); }
  rocksdb::Status DecryptBlock(uint64_t, char*, char*) override { return by_block(); }

 private:
  static rocksdb::Status by_block() { return rocksdb::Status::NotSupported("block by block"); }
  const FileCipher cipher_;
};

class Provider final : public rocksdb::EncryptionProvider {
 public:
  explicit Provider(std::shared_ptr<const Keyring> keys) : keys_(std::move(keys)) {}

  const char* Name() const override { return "muster-aes-256-ctr"; }
  size_t GetPrefixLength() const override { return kPrefixBytes; }
  rocksdb::Status CreateNewPrefix(const std::string&, char* prefix, size_t size) const override {
    std::memset(prefix, 0, size);
    try {
      const std::string head = keys_->new_file().head();
      std::memcpy(prefix, head.data(), std::min(head.size(), size));
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status AddCipher(const std::string&, const char*, size_t, bool) override {
    return rocksdb::Status::NotSupported("keys come from the keyring");
  }
  rocksdb::Status CreateCipherStream(
      const std::string& name, const rocksdb::EnvOptions&, Slice& prefix,
      std::unique_ptr<rocksdb::BlockAccessCipherStream>* stream) override {
    try {
      auto cipher = keys_->file_of({prefix.data(), prefix.size()});
      if (!cipher) return damaged(name, cipher.error().message);
      *stream = std::make_unique<Stream>(std::move(*cipher));
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
    return rocksdb::Status::OK();
  }

 private:
  const std::shared_ptr<const Keyring> keys_;
};

class EmptyFile final : public rocksdb::FSSequentialFile {
 public:
  IOStatus Read(size_t, const IOOptions&, Slice* result, char*,
                rocksdb::IODebugContext*) override {
    *result = Slice();
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t) override { return IOStatus::OK(); }
};

// A crash leaves files that do not have their first page. There is nothing in them, and that
// is what this says of them; RocksDB's own layer stops the process with an assertion.
class ShortFiles final : public rocksdb::FileSystemWrapper {
 public:
  ShortFiles(std::shared_ptr<FileSystem> plain, const std::shared_ptr<FileSystem>& encrypted)
      : FileSystemWrapper(encrypted), plain_(std::move(plain)) {}

  const char* Name() const override { return "muster-short-files"; }
  IOStatus GetFileSize(const std::string& file, const IOOptions& options, uint64_t* size,
                       rocksdb::IODebugContext* context) override {
    const IOStatus status = plain_->GetFileSize(file, options, size, context);
    if (status.ok()) *size -= std::min<uint64_t>(*size, kPrefixBytes);
    return status;
  }
  IOStatus GetChildrenFileAttributes(const std::string& directory, const IOOptions& options,
                                     std::vector<rocksdb::FileAttributes>* files,
                                     rocksdb::IODebugContext* context) override {
    const IOStatus status =
        plain_->GetChildrenFileAttributes(directory, options, files, context);
    for (rocksdb::FileAttributes& file : *files) {
      file.size_bytes -= std::min<uint64_t>(file.size_bytes, kPrefixBytes);
    }
    return status;
  }
  // Would write a first page behind what stands there; RocksDB does without them.
  IOStatus ReopenWritableFile(const std::string& file, const rocksdb::FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*,
                              rocksdb::IODebugContext*) override {
    return IOStatus::NotSupported(file, "to go on with an encrypted file");
  }
  IOStatus ReuseWritableFile(const std::string& file, const std::string&,
                             const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*,
                             rocksdb::IODebugContext*) override {
    return IOStatus::NotSupported(file, "to write over an encrypted file");
  }
  IOStatus NewSequentialFile(const std::string& file, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* opened,
                             rocksdb::IODebugContext* context) override {
    if (is_empty(file, options, context)) {
      *opened = std::make_unique<EmptyFile>();
      return IOStatus::OK();
    }
    return FileSystemWrapper::NewSequentialFile(file, options, opened, context);
  }

 private:
  // Whether its first page is not whole, or, as some file systems leave it, of zeros.
  bool is_empty(const std::string& file, const rocksdb::FileOptions& options,
                rocksdb::IODebugContext* context) const {
    uint64_t size = 0;
    if (!plain_->GetFileSize(file, options.io_options, &size, context).ok()) return false;
    if (size < kPrefixBytes) return true;
    std::unique_ptr<rocksdb::FSSequentialFile> bytes;
    if (!plain_->NewSequentialFile(file, options, &bytes, context).ok()) return false;
    std::array<char, kPrefixBytes> page{};
    Slice got;
    if (!bytes->Read(page.size(), options.io_options, &got, page.data(), context).ok()) {
      return false;
    }
    return std::all_of(got.data(), got.data() + got.size(), [](char c) { return c == '\0'; });
  }

  const std::shared_ptr<FileSystem> plain_;
};

}  // namespace

std::shared_ptr<rocksdb::Env> encrypted_env(std::shared_ptr<const Keyring> keys) {
  const std::shared_ptr<FileSystem> plain = FileSystem::Default();
  auto encrypted =
      rocksdb::NewEncryptedFS(plain, std::make_shared<Provider>(std::move(keys)));
  return rocksdb::NewCompositeEnv(std::make_shared<ShortFiles>(plain, encrypted));
}

}  // namespace muster::storage
