#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "loader/demo.h"
#include "loader/gzip.h"

namespace muster::loader {
namespace {

constexpr std::string_view kSchema = R"({
  "profiles": {"id": "profile_id"},
  "events": {"profile": "profile_id", "name": "type", "time": "ts", "id": "event_id"},
  "entities": {"product": {"id": "product_id"}},
  "references": {
    "Product Viewed.product_id": "product",
    "Product Added.product_id": "product",
    "Cart Abandoned.product_id": "product",
    "Order Completed.product_id": "product",
    "Order Refunded.product_id": "product"
  },
  "identifiers": {"email": {"normalise": "email"}},
  "fields": {
    "profiles.first_name": {"type": "string"}, "profiles.last_name": {"type": "string"},
    "profiles.email": {"type": "string"}, "profiles.gender": {"type": "string"},
    "profiles.birth_date": {"type": "date"}, "profiles.country": {"type": "string"},
    "profiles.language": {"type": "string"}, "profiles.city": {"type": "string"},
    "profiles.location": {"type": "geo"}, "profiles.plan": {"type": "string"},
    "profiles.channel": {"type": "string"}, "profiles.email_consent": {"type": "bool"},
    "profiles.sms_consent": {"type": "bool"}, "profiles.household_size": {"type": "int64"},
    "profiles.loyalty_points": {"type": "int64"},
    "profiles.lifetime_value": {"type": "decimal", "scale": 2},
    "profiles.churn_score": {"type": "double"}, "profiles.referrer": {"type": "string"},
    "profiles.signed_up_at": {"type": "timestamp"},
    "profiles.last_seen_at": {"type": "timestamp"},
    "profiles.interests": {"type": "string", "list": true},
    "profiles.shoe_sizes": {"type": "int64", "list": true}, "product.name": {"type": "string"},
    "product.category": {"type": "string"}, "product.brand": {"type": "string"},
    "product.price": {"type": "decimal", "scale": 2}, "product.stock": {"type": "int64"},
    "product.rating": {"type": "double"}, "product.launched_on": {"type": "date"},
    "product.discontinued": {"type": "bool"}, "product.tags": {"type": "string", "list": true},
    "*.product_id": {"type": "string"}, "*.total": {"type": "decimal", "scale": 2},
    "*.items": {"type": "int64"}, "*.quantity": {"type": "int64"},
    "*.satisfaction": {"type": "int64"}, "*.device": {"type": "string"},
    "*.path": {"type": "string"}, "*.version": {"type": "string"},
    "*.campaign": {"type": "string"}, "*.topic": {"type": "string"},
    "*.payment": {"type": "string"}, "*.coupon": {"type": "string"}, "*.gift": {"type": "bool"},
    "*.push_enabled": {"type": "bool"}
  },
  "timezone": "UTC"
}
)";

// Fast rather than small: the packing would otherwise take longer than the making.
constexpr int kGzipLevel = 1;

class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path)
      : name_(path.string()), file_(std::fopen(name_.c_str(), "wb"), &std::fclose) {}

  Status write(std::string_view bytes) {
    if (file_ == nullptr) return failed();
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) return failed();
    return Ok{};
  }
  Status close() {
    if (file_ == nullptr || std::fflush(file_.get()) != 0) return failed();
    return std::fclose(file_.release()) == 0 ? Status(Ok{}) : Status(failed());
  }

 private:
  Error failed() const {
    return {errno == ENOSPC ? ErrorCode::StorageFull : ErrorCode::InvalidArgument,
            "the file '" + name_ + "' cannot be written: " + std::strerror(errno)};
  }

  std::string name_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

using Generator = Status (*)(const DemoOptions&, const DemoSink&);

// Returns the bytes of the rows.
Result<std::uint64_t> write_plain(const DemoOptions& options, Generator generate,
                                  const std::filesystem::path& path) {
  OutputFile file(path);
  std::uint64_t bytes = 0;
  TRY(generate(options, [&](std::string_view rows) {
    bytes += rows.size();
    return file.write(rows);
  }));
  TRY(file.close());
  return bytes;
}

Result<std::uint64_t> write_packed(const DemoOptions& options, Generator generate,
                                   const std::filesystem::path& path) {
  OutputFile file(path);
  GzipWriter writer(kGzipLevel);
  std::uint64_t bytes = 0;
  std::string packed;
  TRY(generate(options, [&](std::string_view rows) {
    bytes += rows.size();
    packed.clear();
    writer.add(rows, packed);
    return file.write(packed);
  }));
  packed.clear();
  writer.finish(packed);
  TRY(file.write(packed));
  TRY(file.close());
  return bytes;
}

}  // namespace

std::string demo_schema() {
  return std::string(kSchema);
}

Result<DemoFiles> write_demo(const DemoOptions& options, const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) {
    return Error{ErrorCode::InvalidArgument,
                 "the folder '" + folder.string() + "' cannot be made: " + code.message()};
  }
  DemoFiles files;
  files.schema = folder / "schema.json";
  files.profiles = folder / "profiles.ndjson";
  files.products = folder / "products.ndjson";
  files.events = folder / "events.ndjson.gz";
  OutputFile schema(files.schema);
  TRY(schema.write(kSchema));
  TRY(schema.close());
  TRY_ASSIGN(const std::uint64_t products, write_plain(options, generate_products, files.products));
  TRY_ASSIGN(const std::uint64_t profiles, write_plain(options, generate_profiles, files.profiles));
  TRY_ASSIGN(const std::uint64_t events, write_packed(options, generate_events, files.events));
  files.bytes = products + profiles + events;
  return files;
}

}  // namespace muster::loader
