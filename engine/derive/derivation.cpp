#include "engine/derive/derivation.h"

#include <algorithm>

#include "base/json_writer.h"
#include "engine/blanked_batch.h"

namespace muster::engine {
namespace {

constexpr std::uint32_t kPeopleAtOnce = 65'536;
constexpr std::size_t kBytesAtOnce = 8U << 20;

// A field of the people of one table, as it is and as it was made.
struct Compared {
  std::string name;
  const index::Attribute* is = nullptr;      // Null: nobody has it.
  const index::Attribute* should = nullptr;
  bool is_json = false;
};

struct Held {
  bool is_there = false;
  std::vector<Value> values;
  bool operator==(const Held&) const = default;
};

Held held_by(const index::Attribute* attribute, std::optional<index::Ordinal> who) {
  if (attribute == nullptr || !who) return {};
  const bool has = attribute->type.list ? attribute->list.has(*who)
                                        : attribute->single.at(*who).has_value();
  return {has, has ? attribute->values(*who) : std::vector<Value>()};
}

void write(JsonWriter& out, const Value& value, bool is_json) {
  const auto* text = std::get_if<std::string>(&value);
  is_json && text != nullptr ? out.raw(*text) : out.value(value);
}

void write(JsonWriter& out, const Compared& field, const Held& held) {
  if (!held.is_there) {
    out.null();
  } else if (field.should->type.list) {
    out.begin_array();
    for (const Value& value : held.values) write(out, value, field.is_json);
    out.end_array();
  } else {
    write(out, held.values.front(), field.is_json);
  }
}

std::vector<Compared> compared_of(const std::string& prefix,
                                  const std::map<std::string, index::Field>& fields,
                                  const index::Table* now, const index::Table* history) {
  std::vector<Compared> compared;
  for (const auto& [key, field] : fields) {
    if (!key.starts_with(prefix)) continue;
    const std::string name = key.substr(prefix.size());
    compared.push_back({name, now == nullptr ? nullptr : now->attribute(name),
                        history == nullptr ? nullptr : history->attribute(name),
                        field.type.type == Type::Json});
  }
  return compared;
}

}  // namespace

DerivedRows derived_rows(const std::string& table, std::uint32_t first,
                         const std::map<std::string, index::Field>& fields,
                         const index::Generation& now, const index::Generation& history,
                         bool keeps) {
  DerivedRows made{.table = table, .bytes = {}, .next = first};
  const bool is_people = table.empty();
  const index::Table* const is = is_people ? &now.profiles : now.entity(table);
  const index::Table* const should = is_people ? &history.profiles : history.entity(table);
  made.is_last = true;
  if (is == nullptr) return made;
  const auto compared = compared_of((is_people ? "profiles" : table) + ".", fields, is, should);
  const std::string& id_column =
      is_people ? now.schema->profile_id : now.schema->entity_ids.at(table);
  const auto known_as = [&](std::string_view id) -> std::optional<index::Ordinal> {
    if (is_people) return history.find_profile(id);
    return should == nullptr ? std::nullopt : should->ids.find(id);
  };
  JsonWriter out;
  std::uint32_t& who = made.next;
  for (; who < is->ids.size() && who - first < kPeopleAtOnce && made.bytes.size() < kBytesAtOnce;
       ++who) {
    if (!is->live.contains(who)) continue;
    const index::KeyText id = is->ids.key(who);
    const auto known = known_as(id.view());
    out.clear();
    bool is_cleared = false;
    for (const Compared& field : compared) {
      const Held want = held_by(field.should, known);
      if (want == held_by(field.is, who) || (keeps && !want.is_there)) continue;
      if (out.str().empty()) out.begin_object().key(id_column).text(id.view());
      out.key(field.name);
      write(out, field, want);
      is_cleared |= !want.is_there;
    }
    if (out.str().empty()) continue;
    out.end_object();
    made.bytes.append(out.str()).append("\n");
    ++made.rows;
    made.cleared += is_cleared ? 1 : 0;
  }
  made.is_last = who == is->ids.size();
  return made;
}

Status Derivation::start(std::map<std::string, index::Field> given, const DeriveRequest& request,
                         std::uint64_t records, const Work& work) {
  const std::lock_guard held(mutex_);
  if (has_ended_) return Error{ErrorCode::Unavailable, "the server stops"};
  if (answer_.state == DeriveState::Reading || answer_.state == DeriveState::Writing) {
    return Error{ErrorCode::Conflict,
                 "fields are being made from history already; wait for that, or cancel it"};
  }
  if (thread_.joinable()) thread_.join();  // It has said its last word.
  reasons_from_ = 0;  // What is read from here on, nobody who was taken out is in.
  answer_ = {.state = DeriveState::Reading, .dry_run = request.dry_run, .records = records};
  std::set<std::string> in;
  for (const auto& [key, field] : given) {
    answer_.fields.push_back(key);
    const std::string table = key.substr(0, key.find('.'));
    in.insert(table == "profiles" ? "" : table);
  }
  fields = std::move(given);
  dry_run = request.dry_run;
  partial = request.partial;
  is_declared = false;
  taken = 0;
  tables.assign(in.rbegin(), in.rend());
  next = 0;
  began_ = std::chrono::steady_clock::now();
  thread_ = std::jthread(work);
  return Ok{};
}

void Derivation::forget_reasons(std::uint64_t before) {
  const std::lock_guard held(mutex_);
  reasons_from_ = std::max(reasons_from_, before);
  forget_reasons();
}

void Derivation::forget_reasons() {
  for (RejectedRowInfo& row : answer_.errors) {
    if (row.sequence < reasons_from_) row.reason = kForgottenReason;
  }
}

DeriveAnswer Derivation::answer() const {
  const std::lock_guard held(mutex_);
  DeriveAnswer told = answer_;
  if (told.state == DeriveState::Reading || told.state == DeriveState::Writing) {
    const auto took = std::chrono::steady_clock::now() - began_;
    told.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }
  return told;
}

Status Derivation::cancel() {
  const std::lock_guard held(mutex_);
  if (answer_.state != DeriveState::Reading && answer_.state != DeriveState::Writing) {
    return Error{ErrorCode::NotFound, "no fields are being made from history"};
  }
  thread_.request_stop();
  return Ok{};
}

void Derivation::end() {
  std::jthread last;
  {
    const std::lock_guard held(mutex_);
    has_ended_ = true;
    last = std::move(thread_);
  }
  last.request_stop();
  if (last.joinable()) last.join();
}

}  // namespace muster::engine
