// The body of a webhook that says nothing about its form; and who makes composers.
//
//   {"type":"audience.members","sync":"crm-buyers","segment":"buyers","run":3,"snapshot":812,
//    "operation":"add","members":[{"id":"p1","email":"..."}, ...]}
#include <algorithm>

#include "base/hash.h"
#include "base/json_writer.h"
#include "connect/composer.h"
#include "connect/destination_document.h"
#include "connect/known_people.h"
#include "connect/planner.h"
#include "connect/templates/template_composer.h"

namespace muster::connect {
namespace {

class PlainComposer final : public PeopleComposer {
 public:
  using PeopleComposer::PeopleComposer;

  std::string member(const BatchScope& scope, const Person& person) const override {
    if (scope.operation != Operation::Remove) return member_json(mapping_, person, nulls_);
    JsonWriter json;
    json.begin_object().key("id").text(person.id).end_object();
    return json.take();
  }
  Envelope envelope(const BatchScope& scope, const Person&) const override {
    JsonWriter json;
    json.begin_object();
    json.key("type").text(scope.is_of_events ? "audience.events" : "audience.members");
    json.key("sync").text(scope.sync);
    json.key("segment").text(scope.segment);
    json.key("run").number(scope.run);
    json.key("snapshot").number(scope.snapshot);
    json.key("operation").text(name_of(scope.operation));
    json.key("members").begin_array();
    return {.prefix = json.take(), .separator = ",", .suffix = "]}", .request = {}};
  }
  std::uint64_t digest(const BatchScope&, const Person& person) const override {
    return digest_of(person);
  }
  bool digests_text() const override { return true; }
  std::optional<StraightForm> straight() const override {
    if (nulls_ == Nulls::Keep) return std::nullopt;
    return StraightForm{.nulls = nulls_, .identify_by = &identify_by_};
  }
  std::string known(const Person& person) const override {
    return nulls_ == Nulls::Keep ? known_text(mapping_, person, nullptr) : "";
  }
};

}  // namespace

PeopleComposer::PeopleComposer(const SyncDocument& sync, const DestinationDocument& destination)
    : Composer(sync.mapping),
      nulls_(sync.nulls),
      identify_by_(sync.identify_by),
      batch_size_(destination.batch_size) {}

std::size_t PeopleComposer::bytes_max() const { return kBodyBytesMax; }

bool PeopleComposer::identifies(const BatchScope& scope, const Person& person) const {
  if (scope.operation == Operation::Remove) return !person.id.empty();
  return has_any(mapping_, person, identify_by_);
}

std::uint64_t PeopleComposer::digest_of(const Person& person) const {
  return hash64(member_json(mapping_, person, nulls_));
}

std::string Composer::name(const Person& person) const {
  static const std::vector<std::string> kNone;
  return known_text(mapping_, person, &kNone);
}

std::uint64_t Composer::name_digest(const Person& person, std::string_view known) const {
  if (!removes_by_values()) return 0;
  // Never 0, and one for names that were made in either way.
  return hash64(keeps_all() ? name(person) : std::string(known)) | 1;
}

std::string member_json(const std::vector<MappedField>& mapping, const Person& person,
                        Nulls nulls) {
  JsonWriter json;
  json.begin_object().key("id").text(person.id);
  for (std::size_t i = 0; i < mapping.size(); ++i) {
    if (nulls != Nulls::Send && person.values[i].is_absent()) continue;
    json.key(mapping[i].name);
    write_value(json, person.values[i]);
  }
  json.end_object();
  return json.take();
}

bool has_any(const std::vector<MappedField>& mapping, const Person& person,
             const std::vector<std::string>& names) {
  if (person.id.empty()) return false;
  if (names.empty()) return true;
  for (std::size_t i = 0; i < mapping.size(); ++i) {
    const bool named = std::find(names.begin(), names.end(), mapping[i].name) != names.end();
    if (named && !person.values[i].is_absent()) return true;
  }
  return false;
}

std::unique_ptr<Composer> make_composer(const SyncDocument& sync,
                                        const DestinationDocument& destination,
                                        std::string_view identifier_key) {
  if (destination.file) return make_file_composer(sync, destination);
  if (destination.content) return make_template_composer(sync, destination, identifier_key);
  return std::make_unique<PlainComposer>(sync, destination);
}

}  // namespace muster::connect
