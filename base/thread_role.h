// What a thread is called, and how soon it is to run once it is woken.
//
// A prompt thread asks the scheduler for short slices: it gets no more of a processor than others,
// but gets it sooner, in front of one that has asked for longer ones (Linux 6.12 and later;
// elsewhere nothing changes). For those who answer what somebody waits for. A patient thread's
// slices are somewhat longer, and still much shorter than those of a thread that has asked for
// nothing, since whoever is woken on its processor waits for the rest of one.
// Source: man 2 sched_setattr; Documentation/scheduler/sched-eevdf.rst of Linux ("slice").
// Thread safety: any thread.
#pragma once

namespace muster {

enum class Urgency { Prompt, Patient };

// Of the calling thread, and of those that it begins. `name`: at most 15 characters, as `top -H`
// shows them. What the system refuses stays as it was.
void begin_role(const char* name, Urgency urgency);

}  // namespace muster
