// What a thread is called, and how soon it is to run once it is woken.
//
// A prompt thread asks the scheduler for short slices: it gets no more of a processor than others,
// but gets it sooner, in front of one that is in the middle of a long slice (Linux 6.12 and later;
// elsewhere nothing changes). For those who answer what somebody waits for.
// Source: man 2 sched_setattr; Documentation/scheduler/sched-eevdf.rst of Linux ("slice").
// Thread safety: any thread.
#pragma once

namespace muster {

enum class Urgency { Prompt, Patient };

// Of the calling thread. `name`: at most 15 characters, as `top -H` shows them. What the system
// refuses stays as it was.
void begin_role(const char* name, Urgency urgency);

}  // namespace muster
