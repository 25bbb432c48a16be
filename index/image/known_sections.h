// What a state knows, whatever numbers its dictionaries have given: to compare two states of which
// one was read back from a checkpoint whose keys were destroyed since.
//
// A text that nobody had when a checkpoint was taken, or whose owner's key is gone, gets another
// code when it comes again; nothing that is asked tells. So values stand here as hashes of their
// texts, and of people without a key nothing that was sealed.
// Thread safety: any thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "index/image/section.h"
#include "index/image/writer_image.h"

namespace muster::index {

// As WriterImage::sections(); those of profiles and identifiers are for comparing only.
// `without_key`: ordinals.
std::vector<Section> known_sections(const std::shared_ptr<const WriterMoment>& moment,
                                    std::span<const Ordinal> without_key);

}  // namespace muster::index
