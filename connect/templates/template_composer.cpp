#include "connect/templates/template_composer.h"

#include <algorithm>
#include <tuple>

#include "base/hash.h"
#include "base/siphash.h"
#include "connect/destination_document.h"
#include "connect/known_people.h"
#include "connect/no_such.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

class TemplateComposer final : public Composer {
 public:
  TemplateComposer(const SyncDocument& sync, const DestinationDocument& document,
                   std::string_view identifier_key)
      : Composer(with_rules(sync.mapping, *document.content)),
        content_(document.content),
        base_target_(document.url.target),
        batch_size_(document.batch_size),
        identify_by_(sync.identify_by.empty() ? content_->identify_by : sync.identify_by),
        nulls_(sync.nulls),
        identifier_key_(identifier_key) {
    CHECK(identifier_key_.size() == kSipKeyBytes);
    if (base_target_.ends_with('/')) base_target_.pop_back();
    const RequestTemplate* const remove = content_->request(Operation::Remove);
    if (remove != nullptr) removes_by_ = remove->fields;
    removes_by_values_ = remove != nullptr && (remove->takes_all || !remove->fields.empty());
    shares_ = removes_by_values_ && !remove->takes_all && !names_ids();
  }

  Status takes(Operation operation) const override {
    if (content_->request(operation) != nullptr) return Ok{};
    return Error{ErrorCode::InvalidArgument, "The destination has no request for '" +
                                                 std::string(name_of(operation)) + "'."};
  }
  std::size_t people_max(Operation operation) const override {
    const RequestTemplate* const request = content_->request(operation);
    if (request == nullptr || request->batch_size == 0) return batch_size_;
    return std::min(batch_size_, request->batch_size);
  }
  std::size_t bytes_max() const override {
    return content_->bytes_max == 0 ? kBodyBytesMax : std::min(kBodyBytesMax, content_->bytes_max);
  }

  bool identifies(const BatchScope& scope, const Person& person) const override {
    const RequestTemplate& request = of(scope);
    const bool own = !request.identify_by.empty();
    if (scope.operation == Operation::Remove && !removes_by_values_) {
      if (person.id.empty()) return false;  // Their values are not asked for.
    } else if (!has_any(mapping_, person, own ? request.identify_by : identify_by_)) {
      return false;
    }
    // A path that leads elsewhere, or is too long, is nobody's.
    if (request.member || !request.path) return true;
    const TemplateScope all = scope_of(scope, &person);
    return request.path->is_safe_path(all) && target(request, all).size() <= kUrlBytesMax;
  }

  bool is_own_form() const override { return false; }
  std::string member(const BatchScope& scope, const Person& person) const override {
    const RequestTemplate& request = of(scope);
    const TemplateScope all = scope_of(scope, &person);
    if (request.member) return request.member->render(all, request.escape);
    return request.body ? request.body->render(all, request.escape) : std::string();
  }

  Envelope envelope(const BatchScope& scope, const Person& first) const override {
    const RequestTemplate& request = of(scope);
    const TemplateScope all = scope_of(scope, request.member ? nullptr : &first);
    Envelope envelope;
    envelope.request = {.method = request.method, .target = target(request, all),
                        .content_type = request.body ? request.content_type : "", .headers = {}};
    for (const auto& [name, value] : request.headers) {
      envelope.request.headers.emplace_back(name, value.render(all, Escape::Header));
    }
    if (!request.member) return envelope;
    envelope.separator = request.separator;
    if (request.body->json) {
      std::tie(envelope.prefix, envelope.suffix) = request.body->json->around_members(all);
    } else {
      envelope.prefix = request.body->text->render(all, request.escape);
      envelope.suffix = request.body->behind->render(all, request.escape);
    }
    return envelope;
  }

  // Of the values, not of a request: "add" and "change" may word them differently.
  std::uint64_t digest(const BatchScope&, const Person& person) const override {
    return hash64(member_json(mapping_, person, nulls_), content_->seed);
  }
  bool removes_by_values() const override { return removes_by_values_; }
  std::string known(const Person& person) const override {
    const RequestTemplate* const remove = content_->request(Operation::Remove);
    const bool all = nulls_ == Nulls::Keep || (remove != nullptr && remove->takes_all);
    return known_text(mapping_, person, all ? nullptr : &removes_by_);
  }
  bool keeps_all() const override { return nulls_ == Nulls::Keep; }
  bool shares_identifiers() const override { return shares_; }
  std::uint64_t identifier(const Person& person) const override {
    if (!shares_) return 0;
    bool has_any = false;
    JsonWriter json;
    json.begin_array();
    for (std::size_t i = 0; i < mapping_.size(); ++i) {
      const bool names = std::find(removes_by_.begin(), removes_by_.end(), mapping_[i].name) !=
                         removes_by_.end();
      if (!names || person.values[i].is_absent()) continue;
      has_any = true;
      json.text(mapping_[i].name);
      write_value(json, person.values[i]);
    }
    json.end_array();
    return has_any ? siphash128(identifier_key_, json.str()).low | 1 : 0;  // Never 0.
  }
  std::string name(const Person& person) const override {
    const RequestTemplate* const remove = content_->request(Operation::Remove);
    const bool all = remove != nullptr && remove->takes_all;
    return known_text(mapping_, person, all ? nullptr : &removes_by_);
  }

 private:
  // Whether a removal tells two people apart who have the same values: by what it says of them.
  bool names_ids() const {
    const BatchScope scope{.sync = "s", .segment = "s", .operation = Operation::Remove};
    const auto removal_of = [&](const std::string& id) {
      Person person{.id = id, .values = {}};
      for (std::size_t i = 0; i < mapping_.size(); ++i) {
        person.values.push_back({.values = {Value(std::string("x"))}});
      }
      const Envelope around = envelope(scope, person);
      std::string said = around.request.target + around.prefix + member(scope, person);
      for (const auto& [name, value] : around.request.headers) said += value;
      return said + around.suffix;
    };
    return removal_of("one") != removal_of("another");
  }
  const RequestTemplate& of(const BatchScope& scope) const {
    const RequestTemplate* const request = content_->request(scope.operation);
    CHECK(request != nullptr);  // Asked by takes().
    return *request;
  }
  TemplateScope scope_of(const BatchScope& scope, const Person* person) const {
    return {.batch = scope, .mapping = mapping_, .declared = content_->names, .nulls = nulls_,
            .person = person};
  }
  std::string target(const RequestTemplate& request, const TemplateScope& scope) const {
    if (!request.path) return base_target_.empty() ? "/" : base_target_;
    return base_target_ + request.path->render(scope, Escape::Url);
  }

  std::shared_ptr<const Content> content_;
  std::string base_target_;
  std::size_t batch_size_;
  std::vector<std::string> identify_by_;
  Nulls nulls_;
  std::string identifier_key_;
  std::vector<std::string> removes_by_;
  bool removes_by_values_ = false;
  bool shares_ = false;
};

}  // namespace

std::vector<MappedField> with_rules(std::vector<MappedField> mapping, const Content& content) {
  for (MappedField& mapped : mapping) {
    for (const DeclaredField& declared : content.fields) {
      if (declared.name != mapped.name) continue;
      const FieldRule rule = mapped.rule.over(declared.rule.over({}));
      mapped.rule = {.normalise = rule.normalise, .hash = rule.hash,
                     .calling_code = rule.calling_code};
    }
  }
  return mapping;
}

std::unique_ptr<Composer> make_template_composer(const SyncDocument& sync,
                                                 const DestinationDocument& document,
                                                 std::string_view identifier_key) {
  CHECK(document.content != nullptr);
  return std::make_unique<TemplateComposer>(sync, document, identifier_key);
}

Status check_against(const SyncDocument& sync, const Content& content) {
  if (sync.mode != SyncMode::Append && !content.remove) {
    return Error{ErrorCode::InvalidArgument,
                 "/mode: the destination has no request for 'remove'; 'append' belongs here."};
  }
  const bool takes_all = content.add->takes_all || (content.change && content.change->takes_all);
  if (takes_all) return Ok{};
  for (const MappedField& mapped : sync.mapping) {
    const auto found = std::find(content.names.begin(), content.names.end(), mapped.name);
    if (found != content.names.end()) continue;
    return Error{ErrorCode::InvalidArgument,
                 "/mapping: at the destination " +
                     no_such_name("field", mapped.name, content.names)};
  }
  return Ok{};
}

}  // namespace muster::connect
