// What a 2xx says about single people: which of a batch were not taken, and why.
//
//   {"list": "/errors", "index": "/index", "message": "/message"}     by their place in the request
//   {"list": "/errors", "id": "/email_address", "message": "/error"}  by a value of their text
//   {"list": "/elements", "status": "/status", "message": "/message"} one entry each, in order
//   {"list": "/invalid_entry_samples", "count": "/num_invalid_entries"}   an object: value, message
//
// `count`: how many there are in all; when the list names fewer, nobody knows who the others are.
// Thread safety: immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/document_reader.h"
#include "connect/outcome_record.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// Bytes of a message that is kept for each group of people.
inline constexpr std::size_t kRowMessageBytesMax = 200;
// Different messages of one answer; the rest are "refused".
inline constexpr std::size_t kRowMessagesMax = 100;

struct AnswerRules {
  std::string list;
  std::optional<std::string> index, id, status, message, count;
};

// Errors: InvalidArgument with the JSON pointer.
Result<AnswerRules> read_answer_rules(const DocumentReader& reader);

struct RowAnswer {
  std::vector<std::pair<std::string, index::Bitmap>> rejected;  // Disjoint, by message.
  bool names_all = true;    // False: more were refused than are named.
  bool is_readable = true;  // False: it is no JSON.
};

// What the answer to a batch says; nobody for an answer that says nothing the rules know.
// Errors: Corrupt when the batch is damaged.
Result<RowAnswer> read_row_answer(const AnswerRules& rules, const BatchPlanned& batch,
                                  std::string_view answer);

}  // namespace muster::connect
