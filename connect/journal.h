// The exporter's memory: streams of payloads that are appended to and read back in order.
//
// Thread safety: any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::connect {

class Journal {
 public:
  virtual ~Journal() = default;

  // Durable when it returns Ok. After an error the payloads may or may not be there.
  virtual Status append(std::string_view stream, std::vector<std::string> payloads) = 0;
  virtual Status replay(std::string_view stream,
                        const std::function<Status(std::string_view payload)>& visit) const = 0;
};

}  // namespace muster::connect
