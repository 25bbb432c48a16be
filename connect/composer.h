// Puts people into the words of their destination: the text of each, and what stands around them.
//
// A body is  prefix | text of a person, separator, text of a person, ... | suffix;  so a batch is
// halved, and a person erased, by lengths alone, whatever the texts are.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connect/mapping/mapped_field.h"
#include "connect/outcome_record.h"
#include "connect/straight_writer.h"
#include "connect/sync_document.h"

namespace muster::connect {

struct DestinationDocument;

// What all people of a batch share.
struct BatchScope {
  std::string_view sync, segment;
  std::uint64_t run = 0, snapshot = 0;
  TimeMs at = 0;  // When the run began: the same for every attempt.
  Operation operation = Operation::Add;
  bool is_of_events = false;  // Of a sync of events (connect/event_run.h).
};

struct Envelope {
  std::string prefix, separator, suffix;
  PlannedRequest request;
};

class Composer {
 public:
  virtual ~Composer() = default;

  // The mapping of the sync with the rules of the destination.
  const std::vector<MappedField>& mapping() const { return mapping_; }

  // Errors: InvalidArgument when the destination knows no such operation.
  virtual Status takes(Operation operation) const = 0;
  // People of one request, at least 1.
  virtual std::size_t people_max(Operation operation) const = 0;
  // Bytes of one body before compression; a single person may exceed it.
  virtual std::size_t bytes_max() const = 0;
  // Whether the destination can tell who that is.
  virtual bool identifies(const BatchScope& scope, const Person& person) const = 0;
  virtual std::string member(const BatchScope& scope, const Person& person) const = 0;
  // Whether the text of a person is a JSON object of ours, to which something may be added.
  virtual bool is_own_form() const { return true; }
  // Requires people in their order; a request for one person may name them.
  virtual Envelope envelope(const BatchScope& scope, const Person& first) const = 0;

  // Names what is sent of somebody: another one is a change.
  virtual std::uint64_t digest(const BatchScope& scope, const Person& person) const = 0;
  // Whether that is hash64() of the text of a person: then it need not be made twice.
  virtual bool digests_text() const { return false; }
  // Where the text of everybody who is added or changed is member_json(), which the digest is of,
  // and nothing else is to be remembered of them: they may be written straight from their columns.
  virtual std::optional<StraightForm> straight() const { return std::nullopt; }
  // Whether removals need the values of people, not only their ids.
  virtual bool removes_by_values() const = 0;
  // A keyed digest of what a removal names them by, where another person may be known by the same;
  // 0: nobody can, or they have nothing of it. It stays in the journal when somebody is erased:
  // without the key it cannot be told from one of another address.
  virtual std::uint64_t identifier(const Person&) const { return 0; }
  virtual bool shares_identifiers() const { return false; }
  // What is to be remembered of somebody (connect/known_people.h); "": the text tells it.
  virtual std::string known(const Person& person) const = 0;
  // Whether that is more than name().
  virtual bool keeps_all() const { return false; }
  // What alone a removal needs to know of somebody, as such a text.
  virtual std::string name(const Person& person) const;
  // A digest of that, never 0; 0 where removals go by id. `known` is what known() says.
  std::uint64_t name_digest(const Person& person, std::string_view known) const;

 protected:
  explicit Composer(std::vector<MappedField> mapping) : mapping_(std::move(mapping)) {}
  std::vector<MappedField> mapping_;
};

// Of people who are sent in a form of our own: by id, or by what the sync says they are known by.
class PeopleComposer : public Composer {
 public:
  PeopleComposer(const SyncDocument& sync, const DestinationDocument& destination);
  Status takes(Operation) const override { return Ok{}; }
  std::size_t people_max(Operation) const override { return batch_size_; }
  std::size_t bytes_max() const override;
  bool identifies(const BatchScope& scope, const Person& person) const override;
  bool removes_by_values() const override { return false; }

 protected:
  std::uint64_t digest_of(const Person& person) const;
  Nulls nulls_;
  std::vector<std::string> identify_by_;

 private:
  std::size_t batch_size_;
};

// How a sync and its destination, as they are now, word things. Requires an identifier_key of
// kSipKeyBytes (base/siphash.h), the same one each time (SecretBox::identifier_key).
std::unique_ptr<Composer> make_composer(const SyncDocument& sync,
                                        const DestinationDocument& destination,
                                        std::string_view identifier_key);

// {"id": "p1", "email": ...}: the text of a person where nothing else is said.
std::string member_json(const std::vector<MappedField>& mapping, const Person& person,
                        Nulls nulls);
// Whether somebody has an id and one of the names; an id is enough for no names.
bool has_any(const std::vector<MappedField>& mapping, const Person& person,
             const std::vector<std::string>& names);

}  // namespace muster::connect
