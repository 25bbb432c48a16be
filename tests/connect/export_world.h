// A small world for the exporter: people, a journal that can crash, and a receiver that misbehaves.
//
// What a crash leaves standing (Store, Receiver, People) lives outside the exporter; the rest is
// built anew by open(). Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "connect/audience.h"
#include "connect/compress.h"
#include "connect/contact_log.h"
#include "connect/destination.h"
#include "connect/document_store.h"
#include "connect/exporter.h"
#include "connect/journal.h"
#include "connect/outcome_record.h"
#include "engine/access.h"

namespace muster::connect::testing {

// --- Who there is --------------------------------------------------------------------------------

struct People {
  std::map<index::Ordinal, std::string> ids;
  std::map<index::Ordinal, std::map<std::string, std::string>> fields;
  std::map<std::string, index::Bitmap, std::less<>> segments;
  std::vector<std::pair<std::string, AudienceChange>> changes;  // By segment, offsets from 1.
  std::uint64_t changes_kept_from = 1;  // Those before are past their retention.
  std::uint64_t snapshot = 1;
  std::function<index::Bitmap(const std::string& where)> matches;  // Answers questions.

  std::uint64_t next_offset() const { return changes.size() + 1; }
  // In the segment, and in the change stream.
  void move(const std::string& segment, index::Ordinal ordinal, bool enters, TimeMs happened) {
    enters ? segments[segment].add(ordinal) : segments[segment].remove(ordinal);
    changes.push_back({segment, {.offset = changes.size() + 1, .ordinal = ordinal,
                                 .profile_id = ids.contains(ordinal) ? ids.at(ordinal) : "",
                                 .entered = enters, .happened = happened, .reason = "event"}});
  }
  index::Bitmap known;     // Everybody there ever was.
  index::Bitmap left_out;  // By a refresh: not there, and not erased.
  // Those from `first` to before `end`, p0@example.com and so on, in the segment "buyers".
  void add_buyers(index::Ordinal first, index::Ordinal end) {
    for (index::Ordinal i = first; i < end; ++i) {
      add(i, "p" + std::to_string(i) + "@example.com");
      segments["buyers"].add(i);
    }
  }
  void add(index::Ordinal ordinal, const std::string& email) {
    known.add(ordinal);
    ids[ordinal] = "p" + std::to_string(ordinal);
    if (!email.empty()) fields[ordinal]["email"] = email;
  }
};

class FakeAudience final : public Audience {
 public:
  explicit FakeAudience(const People& people) : people_(people) {}

  Result<AudienceMoment> members(std::string_view segment) const override {
    const auto found = people_.segments.find(segment);
    if (found == people_.segments.end()) {
      return Error{ErrorCode::InvalidArgument, "There is no such segment."};
    }
    return AudienceMoment{found->second, people_.snapshot, nullptr};
  }
  Result<AudienceMoment> matching(const std::string& where) const override {
    if (!people_.matches) return Error{ErrorCode::InvalidArgument, "Nobody knows."};
    return AudienceMoment{people_.matches(where), people_.snapshot, nullptr};
  }
  Result<AudienceMoment> latest() const override {
    return AudienceMoment{{}, people_.snapshot, nullptr};
  }
  Result<std::vector<engine::ProfileRow>> people(
      const AudienceMoment&, std::span<const index::Ordinal> ordinals,
      const std::vector<std::string>& fields) const override {
    std::vector<engine::ProfileRow> rows;
    for (const index::Ordinal ordinal : ordinals) {
      engine::ProfileRow row;
      const auto id = people_.ids.find(ordinal);
      if (id != people_.ids.end()) row.profile_id = id->second;
      for (const std::string& field : fields) {
        row.values.push_back({value_of(ordinal, field)});
        row.is_list.push_back(false);
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }
  Result<index::Bitmap> erased() const override {
    index::Bitmap erased = subtract(people_.known, people_.left_out);
    for (const auto& [ordinal, id] : people_.ids) erased.remove(ordinal);
    return erased;
  }
  Result<std::optional<index::Ordinal>> find(std::string_view profile_id) const override {
    for (const auto& [ordinal, id] : people_.ids) {
      if (id == profile_id) return std::optional<index::Ordinal>(ordinal);
    }
    return std::optional<index::Ordinal>();
  }
  Result<AudienceChanges> changes(std::string_view segment, std::uint64_t from,
                                  std::size_t limit) const override {
    if (from < people_.changes_kept_from) {
      return Error{ErrorCode::NotFound, "They are past their retention."};
    }
    AudienceChanges found{.next = from};
    for (const auto& [name, row] : people_.changes) {
      if (row.offset < from || found.rows.size() == limit) continue;
      found.next = row.offset + 1;
      if (name == segment) found.rows.push_back(row);
    }
    return found;
  }
  std::uint64_t next_change() const override { return people_.changes.size() + 1; }
  std::uint64_t mark(std::string_view segment) const override {
    const auto found = people_.segments.find(segment);
    return found == people_.segments.end() ? 0 : hash64(found->second.to_bytes());
  }
  Status check(std::string_view segment, const std::vector<std::string>&) const override {
    if (people_.segments.contains(segment)) return Ok{};
    return Error{ErrorCode::InvalidArgument, "/segment: There is no such segment."};
  }

 private:
  Value value_of(index::Ordinal ordinal, const std::string& field) const {
    const auto person = people_.fields.find(ordinal);
    if (person == people_.fields.end()) return Missing{};
    const auto value = person->second.find(field);
    return value == person->second.end() ? Value(Missing{}) : Value(value->second);
  }
  const People& people_;
};

// --- What is durable -----------------------------------------------------------------------------

// What is there of an append during which the power fails.
enum class Crash { BeforeAppend, AfterFirstPayload, AfterAppend };

struct Store {
  std::map<std::string, std::vector<std::string>, std::less<>> streams;
  std::map<std::pair<std::string, std::string>, engine::Document> documents;
  int appends = 0;
  int crash_at = 0;  // Number of the append; 0: never.
  Crash crash = Crash::BeforeAppend;
  int throw_at = 0;   // Number of the append at which memory runs out; 0: never.
  int puts_that_throw = 0;  // The same, of the next documents that are put.
  bool down = false;  // After a crash nothing can be written until the restart.
  // What others do at the same time: "append STREAM" before it, "put KIND ID" behind it.
  std::function<void(const std::string& step)> meanwhile;
  std::function<bool(const OutcomeRecord&)> loses;  // A planted fault: records silently lost.
};

class FakeJournal final : public Journal {
 public:
  explicit FakeJournal(Store& store) : store_(store) {}

  Status append(std::string_view stream, std::vector<std::string> payloads) override {
    const Error gone{ErrorCode::Unavailable, "The power is off."};
    if (store_.down) return gone;
    if (store_.meanwhile) store_.meanwhile("append " + std::string(stream));
    if (store_.appends + 1 == store_.throw_at) {
      store_.throw_at = 0;
      throw std::bad_alloc();
    }
    std::size_t durable = payloads.size();
    if (++store_.appends == store_.crash_at) {
      store_.down = true;
      if (store_.crash == Crash::BeforeAppend) durable = 0;
      if (store_.crash == Crash::AfterFirstPayload) durable = 1;
    }
    for (std::size_t i = 0; i < durable; ++i) {
      if (store_.loses && store_.loses(*decode_outcome(payloads[i]))) continue;
      store_.streams[std::string(stream)].push_back(payloads[i]);
    }
    if (store_.down) return gone;
    return Ok{};
  }
  Status replay(std::string_view stream,
                const std::function<Status(std::string_view)>& visit) const override {
    const auto found = store_.streams.find(stream);
    if (found == store_.streams.end()) return Ok{};
    for (const std::string& payload : found->second) {
      Status visited = visit(payload);
      if (!visited) return visited;
    }
    return Ok{};
  }

 private:
  Store& store_;
};

class FakeDocuments final : public DocumentStore {
 public:
  explicit FakeDocuments(Store& store) : store_(store) {}

  Result<engine::Document> put(engine::DocumentPut put) override {
    if (store_.puts_that_throw > 0) {
      --store_.puts_that_throw;
      throw std::bad_alloc();
    }
    engine::Document& place = store_.documents[{put.kind, put.id}];
    if (put.expected_version && *put.expected_version != place.version) {
      return Error{ErrorCode::Conflict, "It changed meanwhile."};
    }
    place = {put.kind, put.id, put.json, place.version + 1, 0, put.deleted};
    const engine::Document document = place;
    if (store_.meanwhile) store_.meanwhile("put " + put.kind + " " + put.id);
    return document;
  }
  std::vector<engine::Document> all(std::string_view kind) const override {
    std::vector<engine::Document> found;
    for (const auto& [key, document] : store_.documents) {
      if (key.first == kind && !document.deleted) found.push_back(document);
    }
    return found;
  }

 private:
  Store& store_;
};

// What became events, by id: those of a crash are there or not, as of an append.
class FakeContacts final : public ContactLog {
 public:
  FakeContacts(Store& store, std::map<std::string, std::string>& events)
      : store_(store), events_(events) {}
  Status check() const override { return Ok{}; }
  Status note(const Contact& contact) override {
    if (store_.down) return Error{ErrorCode::Unavailable, "The power is off."};
    for (const ContactedPerson& person : contact.people) {
      events_[contact.message_id + "/" + person.profile_id] =
          contact.operation + " " + person.profile_id + " " + person.arm;
    }
    return Ok{};
  }

 private:
  Store& store_;
  std::map<std::string, std::string>& events_;
};

// --- Who receives --------------------------------------------------------------------------------

// Keeps what it takes, and notices whatever must not happen.
struct Receiver {
  struct Message {
    std::string body;         // As it came first.
    bool taken = false;
    bool acknowledged = false;  // Taken, and its sender was told so.
  };
  // What happens to a delivery: true in `takes` applies it, `answer` goes back.
  struct Reaction {
    bool takes = true;
    Answer answer{.kind = AnswerKind::Status, .status = 200};
  };

  std::function<Reaction(const std::string& id, const boost::json::value& body)> reacts;
  std::map<std::string, Message> messages;
  std::map<std::string, std::string> holds;   // profile id -> its member as JSON
  std::vector<std::string> order;             // "add p1", "remove p2": each person's story.
  int deliveries = 0, duplicates = 0, changed_bodies = 0;
  TimeMs now = 0;
  std::optional<std::string> rotated;  // A refresh token that its client was given.
  std::string token;                   // That of the newest client.

  // Who was told may send again only after a crash of its own.
  void forgive() {
    for (auto& [id, message] : messages) message.acknowledged = false;
  }

  Answer receive(const Delivery& delivery) {
    ++deliveries;
    now = delivery.at;
    Message& message = messages[std::string(delivery.message_id)];
    const std::string body =
        delivery.gzip ? *gzip_unpack(delivery.body, 1U << 30) : std::string(delivery.body);
    if (message.body.empty()) message.body = delivery.body;
    if (message.body != delivery.body) ++changed_bodies;
    if (message.acknowledged) ++duplicates;
    // A request without a body removes whom its path names: of them it keeps nothing.
    const boost::json::value json = boost::json::parse(
        body.empty() ? R"({"operation":"remove","members":[]})" : body);
    const Reaction reaction =
        reacts ? reacts(std::string(delivery.message_id), json) : Reaction{};
    if (reaction.takes) take(message, json);
    const Answer& answer = reaction.answer;
    message.acknowledged = reaction.takes && answer.kind == AnswerKind::Status &&
                           answer.status >= 200 && answer.status < 300;
    return answer;
  }

  void take(Message& message, const boost::json::value& json) {
    if (message.taken) return;  // A receiver dedupes by webhook-id.
    message.taken = true;
    const std::string operation(json.at("operation").as_string());
    for (const boost::json::value& member : json.at("members").as_array()) {
      const std::string id(member.at("id").as_string());
      order.push_back(operation + " " + id);
      if (operation == "remove") {
        holds.erase(id);
      } else {
        holds[id] = boost::json::serialize(member);
      }
    }
  }
};

class FakeDestination final : public Destination {
 public:
  explicit FakeDestination(Receiver& receiver) : receiver_(receiver) {}
  Answer deliver(const Delivery& delivery, std::stop_token) override {
    return receiver_.receive(delivery);
  }
  std::optional<std::string> take_rotated_token() override {
    return std::exchange(receiver_.rotated, std::nullopt);
  }

 private:
  Receiver& receiver_;
};

class FakeFactory final : public DestinationFactory {
 public:
  explicit FakeFactory(Receiver& receiver) : receiver_(receiver) {}
  Status check(const DestinationDocument&) const override { return Ok{}; }
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override {
    receiver_.token = document.authorization.refresh_token;
    return std::make_unique<FakeDestination>(receiver_);
  }

 private:
  Receiver& receiver_;
};

// --- All together --------------------------------------------------------------------------------

// Null, and a failure, where it cannot be opened.
inline std::unique_ptr<Exporter> opened(ExporterParts parts, const Clock& clock, Random& random) {
  auto exporter = Exporter::open(std::move(parts), {.clock = &clock, .random = &random,
                                                    .secret_key = std::string(32, 'k')});
  EXPECT_TRUE(exporter) << (exporter ? "" : exporter.error().message);
  return exporter ? std::move(*exporter) : nullptr;
}

class World {
 public:
  explicit World(std::uint64_t seed = 1) : random(seed) {}

  void open() {
    store.down = false;
    store.crash_at = 0;
    ExporterParts parts{.audience = std::make_unique<FakeAudience>(people),
                        .documents = std::make_unique<FakeDocuments>(store),
                        .journal = std::make_unique<FakeJournal>(store),
                        .destinations = std::make_unique<FakeFactory>(receiver),
                        .contacts = std::make_unique<FakeContacts>(store, contacts)};
    exporter.reset();
    exporter = opened(std::move(parts), clock, random);
    ASSERT_NE(nullptr, exporter);
  }

  // The power fails and comes back.
  void restart() {
    receiver.forgive();
    open();
  }

  void define(const std::string& destination_members = "", const std::string& sync_members = "") {
    auto destination = exporter->put_destination(
        pass, "crm",
        R"({"kind":"webhook","url":"https://hooks.example.com/in",)"
        R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")" + destination_members + "}");
    ASSERT_TRUE(destination) << destination.error().message;
    auto sync = exporter->put_sync(
        pass, "buyers", R"({"segment":"buyers","destination":"crm","mapping":{"mail":"email"})" +
                            sync_members + "}");
    ASSERT_TRUE(sync) << sync.error().message;
  }

  // Somebody is erased: the engine no longer knows them, and then the exporter hears of it. Returns
  // the syncs by which they are removed.
  void erase_quietly(index::Ordinal ordinal) {
    for (auto& [name, segment] : people.segments) segment.remove(ordinal);
    people.ids.erase(ordinal);
    people.fields.erase(ordinal);
  }
  std::vector<std::string> note_erased(index::Ordinal ordinal) {
    std::vector<std::string> syncs;
    const std::string id = "p" + std::to_string(ordinal);
    for (const RemovalView& removal : exporter->note_erased(
             {.erased_at = clock.now(), .profiles = {{ordinal, id}}})) {
      syncs.push_back(removal.sync);
    }
    return syncs;
  }
  std::vector<std::string> erase(index::Ordinal ordinal) {
    erase_quietly(ordinal);
    return note_erased(ordinal);
  }
  // What became of the removals of somebody: "buyers pending", ...
  std::vector<std::string> removals(index::Ordinal ordinal) const {
    std::vector<std::string> told;
    for (const RemovalView& removal : exporter->removals("p" + std::to_string(ordinal))) {
      told.push_back(removal.sync + " " + std::string(name_of(removal.state)));
    }
    return told;
  }

  // Works and lets time pass until nothing is left to do, or the store is down. Each step keeps the
  // ledger's equation.
  void work(int steps_max = 20'000) {
    for (int i = 0; i < steps_max && !store.down; ++i) {
      const bool worked = exporter->work_once();
      expect_sums();
      if (worked) continue;
      const auto due = exporter->next_due();
      if (!due) return;
      ASSERT_GT(*due, clock.now());
      clock.set(*due);
    }
    ASSERT_TRUE(store.down) << "the exporter did not come to an end";
  }

  void expect_sums() {
    const auto runs = exporter->runs(pass, "buyers");
    for (const RunView& run : *runs) {
      ASSERT_TRUE(run.counts.adds_up()) << ledger_line(run);
    }
  }

  // Whether a run stands at the top, with nothing left to do.
  bool newest_started() const {
    const auto runs = exporter->runs(pass, "buyers");
    return !runs->empty() && !exporter->next_due();
  }

  RunView newest() const { return exporter->runs(pass, "buyers")->front(); }

  // What the destination should hold: profile id -> member.
  std::map<std::string, std::string> wanted(const index::Bitmap& audience) const {
    std::map<std::string, std::string> all;
    for (const index::Ordinal ordinal : audience.to_vector()) {
      const auto person = people.fields.find(ordinal);
      const bool known = person != people.fields.end() && person->second.contains("email");
      boost::json::object member{{"id", people.ids.at(ordinal)}};
      if (known) {
        member["mail"] = person->second.at("email");
      } else {
        member["mail"] = nullptr;
      }
      all[people.ids.at(ordinal)] = boost::json::serialize(member);
    }
    return all;
  }

  People people;
  Store store;
  Receiver receiver;
  std::map<std::string, std::string> contacts;
  ManualClock clock{1'700'000'000'000};
  SeededRandom random;
  std::unique_ptr<Exporter> exporter;
  Exporter::Pass pass =
      *engine::Access::system("test").require<engine::Permission::Activate>();
};

}  // namespace muster::connect::testing
