#include "connect/templates/answer_rules.h"

#include <array>
#include <boost/json.hpp>
#include <map>

#include "connect/compress.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

constexpr std::array<std::string_view, 6> kSettings{"list",    "index",   "id",
                                                    "status",  "message", "count"};
constexpr std::size_t kPointerBytesMax = 256;
// Levels of a person's text that are looked through for an identifier.
constexpr std::size_t kMemberDepthMax = 8;

const boost::json::value* at(const boost::json::value& json,
                             const std::optional<std::string>& pointer) {
  if (!pointer) return nullptr;
  boost::json::error_code failed;
  const boost::json::value* const found =
      json.find_pointer({pointer->data(), pointer->size()}, failed);
  return failed ? nullptr : found;
}

std::string text_of(const boost::json::value& json) {
  return json.is_string() ? std::string(json.get_string()) : boost::json::serialize(json);
}

// One line of printable ASCII.
std::string message_of(const boost::json::value* json) {
  std::string message = json == nullptr || json->is_null() ? "refused" : text_of(*json);
  message.resize(std::min(message.size(), kRowMessageBytesMax));
  for (char& c : message) {
    if (c < ' ' || c >= '\x7f') c = ' ';
  }
  return message;
}

bool is_error(const AnswerRules& rules, const boost::json::value& entry) {
  if (!rules.status) return true;
  const boost::json::value* const status = at(entry, rules.status);
  return status != nullptr && status->is_int64() &&
         (status->get_int64() < 200 || status->get_int64() >= 300);
}

using Identified = std::map<std::string, std::vector<std::size_t>, std::less<>>;

void add_scalars(const boost::json::value& json, std::size_t place, std::size_t depth,
                 Identified& found) {
  if (depth > kMemberDepthMax) return;
  if (json.is_object()) {
    for (const auto& member : json.get_object()) {
      add_scalars(member.value(), place, depth + 1, found);
    }
  } else if (json.is_array()) {
    for (const boost::json::value& one : json.get_array()) {
      add_scalars(one, place, depth + 1, found);
    }
  } else if (!json.is_null() && !json.is_bool()) {
    found[text_of(json)].push_back(place);
  }
}

// Every text and number in the texts of people, and whose it is.
Result<Identified> identified(const BatchPlanned& batch) {
  TRY_ASSIGN(const std::string body, unpack(batch.packed, kBodyUnpackedMax));
  Identified found;
  std::size_t from = batch.prefix_bytes;
  for (std::size_t i = 0; i < batch.member_bytes.size(); ++i) {
    const std::size_t size = batch.member_bytes[i];
    if (from + size > body.size()) {
      return Error{ErrorCode::Corrupt, "A stored delivery is shorter than it should be."};
    }
    boost::json::error_code failed;
    const boost::json::value member = boost::json::parse({body.data() + from, size}, failed);
    if (!failed) add_scalars(member, i, 0, found);
    from += size + batch.separator_bytes;
  }
  return found;
}

// Collects who was refused; the first message about somebody stands.
class Refusals {
 public:
  explicit Refusals(const BatchPlanned& batch) : people_(batch.people.to_vector()) {}

  void add(std::size_t place, const std::string& message) {
    if (place >= people_.size() || all_.contains(people_[place])) return;
    const bool is_known = by_message_.contains(message);
    const bool has_room = is_known || by_message_.size() < kRowMessagesMax;
    by_message_[has_room ? message : "refused"].add(people_[place]);
    all_.add(people_[place]);
  }
  std::uint64_t count() const { return all_.count(); }
  RowAnswer take() {
    RowAnswer answer;
    for (auto& [message, people] : by_message_) {
      answer.rejected.emplace_back(message, std::move(people));
    }
    return answer;
  }

 private:
  std::vector<index::Ordinal> people_;
  index::Bitmap all_;
  std::map<std::string, index::Bitmap> by_message_;
};

void add_named(const Identified& people, const std::string& id, const std::string& message,
               Refusals& refusals) {
  const auto found = people.find(id);
  if (found == people.end()) return;
  for (const std::size_t place : found->second) refusals.add(place, message);
}

Status add_list(const AnswerRules& rules, const BatchPlanned& batch,
                const boost::json::array& list, Refusals& refusals) {
  Identified people;
  if (rules.id) {
    TRY_ASSIGN(people, identified(batch));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const boost::json::value& entry = list[i];
    if (!is_error(rules, entry)) continue;
    const std::string message = message_of(at(entry, rules.message));
    if (rules.id) {
      const boost::json::value* const id = at(entry, rules.id);
      if (id != nullptr) add_named(people, text_of(*id), message, refusals);
    } else if (rules.index) {
      const boost::json::value* const index = at(entry, rules.index);
      const bool fits = index != nullptr && index->is_int64() && index->get_int64() >= 0;
      if (fits) refusals.add(static_cast<std::size_t>(index->get_int64()), message);
    } else {
      refusals.add(i, message);
    }
  }
  return Ok{};
}

}  // namespace

Result<AnswerRules> read_answer_rules(const DocumentReader& reader) {
  TRY(reader.only(kSettings));
  AnswerRules rules;
  TRY_ASSIGN(rules.list, reader.required_text("list", kPointerBytesMax));
  TRY_ASSIGN(rules.index, reader.text("index", kPointerBytesMax));
  TRY_ASSIGN(rules.id, reader.text("id", kPointerBytesMax));
  TRY_ASSIGN(rules.status, reader.text("status", kPointerBytesMax));
  TRY_ASSIGN(rules.message, reader.text("message", kPointerBytesMax));
  TRY_ASSIGN(rules.count, reader.text("count", kPointerBytesMax));
  for (const std::string_view key : kSettings) {
    TRY_ASSIGN(const auto pointer, reader.text(key, kPointerBytesMax));
    if (pointer && !pointer->empty() && !pointer->starts_with('/')) {
      return reader.wrong(key, "a JSON pointer like /errors belongs here.");
    }
  }
  if (rules.index && rules.id) return reader.wrong("id", "'index' or 'id', not both.");
  return rules;
}

Result<RowAnswer> read_row_answer(const AnswerRules& rules, const BatchPlanned& batch,
                                  std::string_view answer) {
  boost::json::error_code failed;
  const boost::json::value json = boost::json::parse({answer.data(), answer.size()}, failed);
  if (failed) return RowAnswer{.is_readable = false};
  Refusals refusals(batch);
  const boost::json::value* const list = at(json, rules.list);
  if (list != nullptr && list->is_array()) {
    TRY(add_list(rules, batch, list->get_array(), refusals));
  } else if (list != nullptr && list->is_object()) {
    TRY_ASSIGN(const Identified people, identified(batch));
    for (const auto& entry : list->get_object()) {
      add_named(people, std::string(entry.key()), message_of(&entry.value()), refusals);
    }
  }
  const boost::json::value* const count = at(json, rules.count);
  const std::uint64_t named = refusals.count();
  RowAnswer found = refusals.take();
  found.names_all = count == nullptr || !count->is_int64() || count->get_int64() < 0 ||
                    static_cast<std::uint64_t>(count->get_int64()) <= named;
  return found;
}

}  // namespace muster::connect
