// What would flip an explained answer, as it goes through the door.
//
// Thread safety: any thread.
#pragma once

#include "engine/answers.h"
#include "query/flip.h"

namespace muster::engine {

FlipAnswer flip_answer(const query::Flip& flip);

}  // namespace muster::engine
