// The events of one name as sections, and back: every run of every block.
//
//   PREFIX                what the table has: see events_head
//   PREFIX/key/FIELD/N    keys of the property's dictionary
//   PREFIX/list/FIELD/N   of a list: its distinct lists
//   PREFIX/run/BLOCK/I    run I of a block, largest first
//
// A run never changes: it is written once, whatever its number is later. What follows from the
// rows (orders by person, counts of periods) is made anew.
// Thread safety: any thread; each job of a reader is for one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "index/event_writer.h"
#include "index/events.h"
#include "index/image/section.h"
#include "index/image/table_image.h"

namespace muster::index {

void add_event_sections(const std::string& prefix, const std::shared_ptr<const EventTable>& table,
                        std::vector<Section>& sections);

// What the events of one name are read into.
struct EventImage {
  std::shared_ptr<EventTable> table;  // Without snapshots of dictionaries: its writer adds them.
  EventWriter::Properties properties;
};
// Reads the head now, and adds the jobs that read the rest, in any order. `people`: how many the
// profiles are.
Status read_events(const SectionSource& source, const std::string& prefix, std::uint32_t people,
                   EventImage& into, std::vector<ImageJob>& jobs);
// Whether all runs together are what the head said; once the jobs have run.
Status check_events(const std::string& prefix, const EventImage& image);

}  // namespace muster::index
