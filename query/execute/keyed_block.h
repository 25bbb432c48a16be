// Sequences whose steps have a key in common (query/plan/step_keys.h), of a whole block.
//
// A person's key matters only if every step has an event with it, which few have: so each step
// leaves of the next, more frequent one only the pairs of a person and a key that it has itself,
// and all of them what the last one has. Pairs are hashed bits: some more are left, none is lost.
// What is left is put in order of people, and each person's events are followed key by key.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <vector>

#include "query/execute/key_chains.h"
#include "query/execute/sequence.h"

namespace muster::query {

class KeyedBlock {
 public:
  // Whether the steps' keys are stored with their events, and no step asks for what stands at the
  // edge of a history, since something of a person, or in groups.
  static bool takes(const BoundSequence& sequence);

  // Of all people of the block.  Requires takes().  `budget`: as holds_sequence().
  // Cost: about 1 ns an event, and 15 ns one whose pair is left.
  SequenceAnswer answer(const BoundSequence& sequence, const index::Generation& generation,
                        std::uint32_t block, const Budget* budget);

  struct Memory {
    std::vector<std::uint32_t> pairs, narrower;  // Words of bits, by hash.
    // Events that are left of a role.
    struct Left {
      struct Event {
        std::int64_t key = 0;
        std::uint32_t row = 0;
        std::uint32_t person = 0;  // Without a gap behind it events are copied at once.
      };
      std::vector<Event> events;
      struct Part {
        const index::EventRun* run = nullptr;
        std::size_t end = 0;
      };
      std::vector<Part> parts;  // By run; each begins where the one before ends.
    };
    std::vector<Left> left;
    std::vector<std::uint32_t> ends;  // By person.
    std::vector<KeyedEvent> events;
  };

 private:
  Memory memory_;
};

}  // namespace muster::query
