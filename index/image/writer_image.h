// All that a Writer knows, as sections, and back: what a checkpoint of the index holds.
//
//   index               names of entities, events, identifiers and lists
//   schema, documents   as they are at that moment
//   profiles, entity/NAME, event/NAME, identifier/NAME, list/ID, each with what is below it
//   erased              whose ids are refused, as a bitmap
//   joined              profiles that became another one: `/to/B` is block B of whom
//   waiting             rows that wait for their profile or for the end of a refresh
//   event-ids/...       ids of events, in pieces that whoever keeps checkpoints names and keeps
//
// A Writer that was read back goes on as the one that was written down would have: the same
// changes give the same ordinals, codes and runs.
// Thread safety: as said at each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "index/image/person_seals.h"
#include "index/image/section.h"
#include "index/writer.h"

namespace muster::index {

// A Writer at one moment. Immutable.
struct WriterMoment {
  using RowsPtr = std::shared_ptr<const TypedRows>;
  struct Held {
    std::string identifier, value;  // Whom the rows wait for.
    std::vector<std::pair<RowsPtr, std::uint32_t>> rows;  // One row of a batch each.
  };

  std::shared_ptr<const Generation> generation;
  Bitmap erased;
  std::vector<std::pair<std::string, std::vector<RowsPtr>>> staged;  // By refresh.
  std::vector<Held> held;
};

class WriterImage {
 public:
  // Cost: a pointer for each row that waits, and the people who were erased; all else is shared.
  // Thread safety: the Writer's thread.
  static WriterMoment capture(const Writer& writer, std::uint64_t sequence);
  // All but the ids of events. They hold on to the moment.  Thread safety: any thread.
  // With `seals`, what is one person's alone is sealed; they outlive the sections.
  static std::vector<Section> sections(const std::shared_ptr<const WriterMoment>& moment,
                                       PersonSeals* seals = nullptr);

  // Of all ids of events, whatever pieces they were written in.  Thread safety: the Writer's
  // thread.
  static Hash128 id_digest(const Writer& writer) { return writer.event_ids_.digest(); }
  // Ids of events as a section.
  static std::string id_bytes(std::span<const EventIds::Slot> ids);

  // Reads a Writer back, on that many threads; `progress`, from any of them, is told the share
  // done. Names whose keys were destroyed come back as lost names (index/lost_names.h), all other
  // texts as forgotten ones; `seals` outlives the Writer.
  // Errors: Corrupt, naming the section; those of `source`.
  // Cost: about that of laying out all columns, orders and sets anew.
  static Result<Writer> read(const SectionSource& source, unsigned threads,
                             const std::function<void(double)>& progress = {},
                             PersonSeals* seals = nullptr);
  // As the functions of EventIds.  Thread safety: the Writer's thread.
  static void list_fresh_ids(Writer& writer) { writer.event_ids_.list_fresh(); }
  static EventIds::Fresh take_fresh_ids(Writer& writer, bool wants_all = false) {
    return writer.event_ids_.take_fresh(wants_all);
  }

 private:
  struct Reading;
  static Status read_identifiers(const SectionSource& source,
                                 const std::vector<std::string>& names, std::uint32_t people,
                                 PersonSeals* seals, Writer& into);
  static void find_lost_names(PersonSeals* seals, Writer& into);
  static Status read_documents(const SectionSource& source, Writer& into);
  static Status read_lists(const SectionSource& source, const std::vector<std::string>& ids,
                           std::uint32_t people, Writer& into);
  static Status read_joined(const SectionSource& source, std::uint32_t people, Writer& into);
  static Status read_waiting(const SectionSource& source, Writer& into);
  static Status read_ids(const SectionSource& source, Writer& into);
  static void assemble(Reading& reading, Writer& into);
};

}  // namespace muster::index
