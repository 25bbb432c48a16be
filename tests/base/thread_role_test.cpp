// Threads have names that operators see, and keep the policy that was chosen for them.
#include "base/thread_role.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <array>
#include <thread>

namespace muster {
namespace {

TEST(ThreadRole, NamesTheThreadAndLeavesItsPolicyAndNiceness) {
  std::array<char, 16> name{};
  int policy = -1;
  std::thread([&] {
    begin_role("muster-io", Urgency::Prompt);
    pthread_getname_np(pthread_self(), name.data(), name.size());
    policy = sched_getscheduler(0);
  }).join();
  EXPECT_STREQ("muster-io", name.data());
  EXPECT_EQ(SCHED_OTHER, policy);
  int chosen = -1;
  std::thread([&] {
    const sched_param none{};
    sched_setscheduler(0, SCHED_BATCH, &none);
    begin_role("x", Urgency::Prompt);
    chosen = sched_getscheduler(0);
  }).join();
  EXPECT_EQ(SCHED_BATCH, chosen);
}

}  // namespace
}  // namespace muster
