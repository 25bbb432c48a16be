// Contact history: what was delivered and confirmed becomes events, after the ledger has it.
#include "connect/exporter_impl.h"

namespace muster::connect {

// The journal says which deliveries are not yet told, so that a kill in between loses none; the
// events are known by their ids, so that it doubles none.
Status Exporter::Impl::note_contact(const Task& task) {
  SyncEntry& sync = *task.sync;
  CHECK(!sync.ledger.untold().empty());
  const Untold delivered = sync.ledger.untold().front();  // Changed by the holder of the claim.
  const std::vector<index::Ordinal> ordinals = delivered.people.to_vector();
  TRY_ASSIGN(const AudienceMoment moment, parts_.audience->latest());
  TRY_ASSIGN(const auto rows, parts_.audience->people(moment, ordinals, {}));
  Contact contact{.message_id = delivered.id, .at = delivered.at, .sync = task.sync_id,
                  .segment = task.document->segment, .destination = task.destination_id,
                  .operation = std::string(name_of(delivered.operation)), .run = delivered.run,
                  .people = {}};
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    if (rows[i].profile_id.empty()) continue;
    contact.people.push_back({rows[i].profile_id, sync.ledger.person(ordinals[i]).arm});
  }
  const Status noted = parts_.contacts == nullptr || contact.people.empty()
                           ? Status(Ok{})
                           : parts_.contacts->note(contact);
  if (!noted && noted.error().code != ErrorCode::InvalidArgument) return noted.error();
  // What cannot be an event, as the declaration stands now, will not be one later.
  if (!noted) audit("forget contacts: " + noted.error().message, task.sync_id, 400);
  return write(task, {Told{delivered.id}});
}

}  // namespace muster::connect
