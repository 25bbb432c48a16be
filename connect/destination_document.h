// What an operator says about a destination: where, with which secrets, how fast, how often.
//
//   {"kind": "webhook", "url": "https://...", "secret": "whsec_...", "secret_next": "whsec_...",
//    "headers": {"X-Source": "muster"}, "batch_size": 1000, "gzip": false, "timeout_ms": 15000,
//    "max_attempts": 10, "retry_schedule_ms": [0, 5000, ...], "concurrency": 1,
//    "rate": {"requests_per_second": 10, "people_per_second": 5000},
//    "authorization": {"kind": "bearer", "token": "..."}}
//
// or {"kind": "recipe", "recipe": "mailchimp_list", "settings": {"list_id": "42"}, ...} with a URL
// where the recipe has none. A webhook too may say what it is sent (connect/templates/content.h);
// then, and for a recipe, the signing secret may be left out, and nothing is signed.
//
// Or {"kind": "file", "directory": "crm", "format": "ndjson"} (connect/file_destination.h).
//
// Secrets and header values are written, never read back: shown masked, stored sealed.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connect/authorization.h"
#include "connect/delivery_limits.h"
#include "connect/file_form.h"
#include "connect/secret_box.h"
#include "connect/url.h"

namespace muster::connect {

struct Content;

inline constexpr std::int64_t kBatchSizeMax = 10'000;  // People: what one receiver handles at once.
inline constexpr std::int64_t kTimeoutMsMax = 60'000;  // Longer calls would hold a thread hostage.
inline constexpr std::int64_t kAttemptsMax = 100;
inline constexpr TimeMs kRetryDelayMsMax = 7LL * 86'400'000;
inline constexpr std::size_t kHeadersMax = 32;
inline constexpr std::size_t kHeaderBytesMax = 4'096;  // Name and value of one.

// Delays before attempts 1, 2, ...; the last one repeats. 75 hours in all.
std::vector<TimeMs> default_retry_schedule();

struct DestinationDocument {
  std::string kind = "webhook";
  Url url;
  std::string secret;       // "whsec_...", in clear: in memory only.
  std::string secret_next;  // Signs too while receivers change over; "" for none.
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const Content> content;  // What is sent; null: our own form.
  std::optional<FileTarget> file;          // Of the kind "file", which has no URL and no secrets.
  std::size_t batch_size = 1'000;
  bool gzip = false;
  TimeMs timeout_ms = 15'000;
  unsigned max_attempts = 10;
  std::vector<TimeMs> retry_schedule_ms = default_retry_schedule();
  DeliveryLimits limits;
  Authorization authorization;
  std::string disabled;     // Why nothing is sent any more; kept by the exporter.

  // Before attempt `number`, from 1.
  TimeMs delay_before(unsigned number) const;
};

// Reads what an operator wrote. Masked secrets, and absent signing secrets, are taken from
// `previous`, if there is one; masked header values only while the URL leads to the same server.
// Errors: InvalidArgument with the JSON pointer.
Result<DestinationDocument> parse_destination(std::string_view json,
                                              const DestinationDocument* previous);

// As it may be shown: "whsec_***" and "***".
std::string to_shown_json(const DestinationDocument& document);

// As it is kept, secrets sealed for the destination `id`, and back.
// Errors: Corrupt when it was sealed with another key.
Result<std::string> to_stored_json(const DestinationDocument& document, const SecretBox& box,
                                   std::string_view id);
Result<DestinationDocument> from_stored_json(std::string_view json, const SecretBox& box,
                                             std::string_view id);

}  // namespace muster::connect
