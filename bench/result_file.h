// Where a bench leaves its figures: one JSON file, which says of which commit and machine they are.
//
// Thread safety: one thread at a time.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"

namespace muster::bench {

struct ResultFile {
  std::string path;  // "": none is wanted.
  std::string commit = "unknown", date = "unknown", machine = "unknown";

  // Takes --json, --commit, --date and --machine. Returns whether it was one of them.
  bool read(std::string_view name, const std::string& value) {
    std::string* const place = name == "--json"      ? &path
                               : name == "--commit"  ? &commit
                               : name == "--date"    ? &date
                               : name == "--machine" ? &machine
                                                     : nullptr;
    if (place != nullptr) *place = value;
    return place != nullptr;
  }

  // An object that the caller goes on with, and ends.
  JsonWriter begin(std::string_view bench) const {
    JsonWriter json;
    json.begin_object().key("bench").text(bench).key("commit").text(commit);
    json.key("date").text(date).key("machine").text(machine);
    return json;
  }

  // Errors: InvalidArgument naming the file.
  Status write(std::string_view json) const {
    if (path.empty()) return Ok{};
    std::ofstream out(path);
    out << json << '\n';
    out.close();
    if (out) return Ok{};
    return Error{ErrorCode::InvalidArgument, "cannot write " + path};
  }
};

}  // namespace muster::bench
