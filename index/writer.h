// The one writer: turns typed rows and other changes into the next Generation.
//
// A working Generation is changed step by step, each step sharing what it does not touch;
// publish() hands it out as it stands. Every step is deterministic: the same steps in the same
// order give the same ordinals and codes, which is how a restart rebuilds the same state.
//
// Thread safety: one thread at a time; what it publishes is immutable.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "index/attribute_writer.h"
#include "index/event_ids.h"
#include "index/event_writer.h"
#include "index/generation.h"
#include "index/lost_names.h"
#include "index/system_events.h"
#include "index/touched.h"
#include "index/typing.h"

namespace muster::index {

// What a person is known by: "profile_id" or a declared identifier, and its value, normalised.
struct Identity {
  std::string identifier, value;
  bool operator==(const Identity&) const = default;
};

// The id of the profile that a row about nobody known makes: opaque, the same on every replay, and
// nothing to read from it.
std::string anonymous_id(const std::string& identifier, std::string_view value);

// Whether somebody who was erased was known so. Empty: nobody was.
using IsSuppressed = std::function<bool(std::string_view identifier, std::string_view value)>;

// Ids that one person may have been joined with: each later join changes all of them.
inline constexpr std::size_t kJoinedIdsMax = 10'000;

// More rows than this do not wait for their profiles: they are rejected.
inline constexpr std::uint64_t kHeldRowsMax = 1'000'000;

class Writer {
 public:
  struct Applied {
    std::uint64_t created = 0;  // Profiles or entities that did not exist before.
    std::uint64_t removed = 0;  // By a replace.
  };

  Writer();

  // The state so far, published or not.
  const Generation& state() const { return state_; }

  // For type_rows(): whether a field's values so far fit a larger scale.
  bool can_widen(const std::string& field_key, std::uint8_t scale) const;

  // Sets the schema; events keep what they hold, and attributes too, but for those that hold
  // another type than the schema has: they go.
  void set_schema(Schema schema);
  // Whether rows that wait, for the end of a refresh or for their profile, have such a field.
  bool waits_for(const std::string& field_key) const;
  // Takes inferred and widened fields into the schema and raises its version.
  void add_fields(const std::map<std::string, Field>& additions);

  // Rows that wait for their profile; at most kHeldRowsMax.
  std::uint64_t held_rows() const { return held_count_; }

  // Finds the rows that the state does not allow (an identifier that another profile holds, an
  // erased or refused person, an event id with other content) and the events known before;
  // remembers the ids of new events. Adds to rows.rejected and rows.skipped, clears rows.taken.
  void resolve(TypedRows& rows, const IsSuppressed& is_suppressed = {});
  // The part of it that rows of a refresh need: those about people who were erased are rejected.
  void reject_suppressed(TypedRows& rows, const IsSuppressed& is_suppressed) const;
  // The part of resolve() that must also happen when verdicts are known already: a replay.
  void remember_events(const TypedRows& rows);

  // Who was erased: whose ids are refused, unless they are forgotten.
  std::vector<std::string> erased_ids() const;
  Bitmap erased() const;
  // The profile ids that rows which wait are about.
  std::set<std::string> waiting_ids() const;

  Applied apply(const TypedRows& rows, TimeMs received);

  // Adds them, but to people who were erased. Returns whether there were others.
  bool add_system_events(SystemEvents events);
  // All of one name go, of whoever has them. Nobody who is kept up to date asks for them.
  void drop_system_events(const std::string& name);

  // Forgets events from before the moment, of the people of these blocks, and those that wait for
  // their profile; none from before it are added from now on. Returns how many the people had.
  // Requires a moment that is not before the last one.
  // Cost: that of the runs that have such events, which are written anew.
  std::uint64_t forget_events(TimeMs before, std::uint32_t first_block, std::uint32_t end_block);

  // A whole-table refresh: rows wait under the id until replace() makes them the table.
  void stage(const std::string& replace_id, std::shared_ptr<const TypedRows> rows);
  // What replace() would do, the rows of `last` included.
  Applied preview(const std::string& replace_id, const TypedRows& last) const;
  Applied replace(const std::string& replace_id, TimeMs received);

  // Takes a person's values and events away, and the rows that wait for them; the id stays refused.
  // Returns all that the person was known by, the profile's own id first; nothing when nobody has
  // the id and no row that waits is about it.
  std::optional<std::vector<Identity>> erase(std::string_view profile_id);

  // Of a state that was read back: whose names are lost, and what they are known by. Rows of a
  // replay get the lost names before anything looks at them.
  const LostNames& lost_names() const { return lost_; }
  void put_lost_names(TypedRows& rows) const;
  // Those of them who are there: what is left of an erasure that did not come to its end, or of
  // somebody who was erased since these data were copied.  Cost: one look at each id.
  std::vector<std::string> lost_people() const;
  // From here on no row has a lost name.
  void end_replay() { lost_ = {}; }
  // The ordinals of all ids that are the person's; none when nobody has the id.
  std::vector<Ordinal> ordinals_of_person(std::string_view profile_id) const;

  // Forgets what a state still knows of people who were erased though nobody can ask for it: their
  // ids, their identifiers, and all texts that are nobody's value any more.
  // Cost: one pass over all columns of codes.
  void forget_erased();

  void put_document(const std::string& kind, const std::string& id, StoredDocument document);
  // Without a trace: for what the system itself keeps there.
  void drop_document(const std::string& kind, const std::string& id);
  void put_list(const std::string& id, Bitmap members, std::uint64_t version);
  void remove_list(const std::string& id);

  std::shared_ptr<Generation> publish(std::uint64_t sequence) const;

  // From now on whom the steps are about is noted, or no longer.
  void note_touched(bool notes) { notes_touched_ = notes; }
  // What was noted since the last call.
  Touched take_touched() { return std::exchange(touched_, {}); }

  // Bytes that no Generation holds: the ids of events.
  std::size_t event_id_bytes() const { return event_ids_.bytes(); }

 private:
  friend class WriterImage;  // Writes all of this down, and reads it back (index/image).

  // The writers behind one keyed table.
  struct TableWriter {
    DictionaryWriter ids;
    std::map<std::string, AttributeWriter> attributes;
    Table table;
  };
  struct IdentifierWriter {
    DictionaryWriter values;
    NumberColumn owners;
  };

  TableWriter& writer_of(const TableRef& table);
  // Values of another type than the schema has by now.
  void drop_other_types();
  std::optional<Ordinal> find_profile(const std::string& identifier, std::string_view value) const;
  void reject_conflicts(TypedRows& rows) const;
  void reject_people(TypedRows& rows) const;
  // Joins that may not be (index/join.cpp).
  void reject_joins(TypedRows& rows) const;
  // Whom the profile has become: itself, unless it was joined to another.
  Ordinal joined(Ordinal ordinal) const {
    return static_cast<Ordinal>(state_.joined.at(ordinal).value_or(ordinal));
  }
  Applied apply_identities(const TypedRows& rows, TimeMs received);
  // The profile of this id becomes `whose`, unless it has become somebody before.
  void join(std::string_view id, Ordinal whose);
  void move_values(Ordinal from, Ordinal to);
  // Every value of an identifier that leads to the person.  Cost: one pass over all values.
  std::vector<Identity> all_identities_of(Ordinal ordinal) const;
  // Rejects row by row, by whom it is about.
  void reject_suppressed_people(TypedRows& rows, const IsSuppressed& is_suppressed) const;
  bool is_about_erased(const std::string& identifier, std::string_view value,
                       const IsSuppressed& is_suppressed) const;
  // Of a row of identities: by the ids that it joins.
  bool joins_erased(const TypedRows& rows, std::uint32_t row,
                    const IsSuppressed& is_suppressed) const;
  // And by the identifiers that it claims.
  void reject_suppressed_claims(TypedRows& rows, const IsSuppressed& is_suppressed) const;
  std::vector<Identity> identities_of(Ordinal ordinal) const;
  // Whether there was any row that waits for the person, is about them, or claims what they are
  // known by.
  bool drop_waiting(std::span<const Identity> person);
  bool is_of_erased(const std::string& identifier, std::string_view value) const;
  void reject_forgotten_events(TypedRows& rows) const;
  void skip_known_events(TypedRows& rows);
  // Ordinals by row, creating what does not exist.
  std::vector<Ordinal> ordinals_of(const TypedRows& rows, TableWriter& writer, Applied& applied);
  FieldType type_of(const TableRef& table, const TypedColumn& column) const;
  Ordinal create_by_identifier(const std::string& identifier, std::string_view value);
  void apply_columns(const TypedRows& rows, std::span<const Ordinal> ordinals,
                     TableWriter& writer);
  void claim_identifiers(const TypedRows& rows, std::span<const Ordinal> ordinals);
  void set_owner(const std::string& identifier, std::string_view value, Ordinal owner);
  void apply_events(const TypedRows& rows, std::span<const Ordinal> ordinals);
  void make_live(TableWriter& writer, std::vector<Ordinal>& ordinals);
  void note_rows(const TypedRows& rows, std::span<const Ordinal> ordinals);
  void note_events(const TypedRows& rows, std::span<const Ordinal> ordinals);
  void publish_table(const TableRef& table);
  // Rows that wait: for the end of a refresh, or for their profile ("unknown": "hold").
  bool waiting_rows_can_widen(const std::string& field_key, std::uint8_t scale) const;
  // The rows about people who exist; the others wait.
  TypedRows hold_unknown(const TypedRows& rows);
  // Applies what waited for the people of these rows.
  void release_held(const TypedRows& rows, TimeMs received);

  void put_lost_name(const std::string& identifier, std::string_view& value,
                     TypedRows& rows) const;

  Generation state_;
  TableWriter profiles_;
  std::map<std::string, TableWriter> entities_;
  std::map<std::string, EventWriter> events_;
  std::map<std::string, IdentifierWriter> identifiers_;
  EventIds event_ids_;
  std::set<Ordinal> erased_;  // Ordinals whose ids are refused.
  // The other way round than Generation::joined: who has become this person.
  std::map<Ordinal, std::vector<Ordinal>> joined_to_;
  std::map<std::string, std::vector<std::shared_ptr<const TypedRows>>> staged_;
  struct HeldRow {
    std::shared_ptr<const TypedRows> rows;
    std::uint32_t row = 0;
  };
  // By identifier and its value, in order of arrival.
  std::map<std::pair<std::string, std::string>, std::vector<HeldRow>> held_;
  std::uint64_t held_count_ = 0;
  bool notes_touched_ = false;
  Touched touched_;
  LostNames lost_;
};

}  // namespace muster::index
