#include "base/thread_role.h"

#include <cstdint>

#ifdef __linux__
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace muster {

#ifdef __linux__
namespace {

// Of one slice; the default is some ms. The shortest that may be asked for is 0.1 ms. A patient
// thread's is protected to its end from those that are woken: so it is short, too.
constexpr std::uint64_t kPromptSliceNs = 200'000, kPatientSliceNs = 300'000;

// struct sched_attr of <linux/sched/types.h>, version 0: that header and <sched.h> of newer C
// libraries define the same names.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;  // SCHED_OTHER
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

void begin_role(const char* name, Urgency urgency) {
  pthread_setname_np(pthread_self(), name);
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0U) != 0) return;
  if (attributes.policy != 0) return;  // Somebody chose otherwise for the whole program.
  attributes.runtime = urgency == Urgency::Prompt ? kPromptSliceNs : kPatientSliceNs;
  syscall(SYS_sched_setattr, 0, &attributes, 0U);
}
#else
void begin_role(const char*, Urgency) {}
#endif

}  // namespace muster
