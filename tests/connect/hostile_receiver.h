// Starts the scripted receiver of the shared tools as a child process, and lets its checker judge.
//
// Thread safety: one thread at a time.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/shared_data.h"

namespace muster::connect::testing {

inline constexpr const char* kTestSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// A child process that is ended with its owner.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments, const std::string& output = "/dev/null") {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    const int failed = posix_spawnp(&pid_, argv[0], &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    EXPECT_EQ(0, failed);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(SIGKILL); }

  // The exit status.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void stop(int with) {
    if (pid_ <= 0) return;
    kill(pid_, with);
    wait();
  }

 private:
  pid_t pid_ = 0;
};

class HostileReceiver {
 public:
  HostileReceiver() : folder_(std::filesystem::temp_directory_path() / unique_name()) {
    std::filesystem::create_directories(folder_);
    const std::string ready = path("ready.json");
    child_ = std::make_unique<Child>(std::vector<std::string>{
        "python3", tool(), "--log", path("log.ndjson"), "--ready-file", ready, "--secret",
        kTestSecret, "--items", "/members/*/id"}, path("receiver.out"));
    for (int i = 0; i < 400 && url_.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      read_ready(ready);
    }
    EXPECT_FALSE(url_.empty()) << "the receiver did not start: " << text_of("receiver.out");
  }
  ~HostileReceiver() {
    child_.reset();
    std::filesystem::remove_all(folder_);
  }

  // "http://127.0.0.1:PORT"
  const std::string& url() const { return url_; }

  // What the checker says: its exit status, its words in `said`.
  int check(std::vector<std::string> arguments) {
    std::vector<std::string> all{"python3", tool(), "check", path("log.ndjson")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const int status = Child(all, path("check.out")).wait();
    said = text_of("check.out");
    return status;
  }

  // A file of one line each, for the checker.
  std::string file_of(const std::string& name, const std::vector<std::string>& lines) {
    std::ofstream file(path(name));
    for (const std::string& line : lines) file << line << "\n";
    return path(name);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string said;

 private:
  static std::string unique_name() {
    static int count = 0;
    return "muster_hostile_" + std::to_string(getpid()) + "_" + std::to_string(++count);
  }
  static std::string tool() {
    return (*muster::testing::shared_data() / "tools/hostile_receiver.py").string();
  }
  std::string text_of(const std::string& name) const {
    std::ifstream file(path(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void read_ready(const std::string& file) {
    boost::json::error_code failed;
    const std::string text = text_of(std::filesystem::path(file).filename().string());
    const boost::json::value json = boost::json::parse(text, failed);
    if (failed || !json.is_object()) return;
    url_ = "http://127.0.0.1:" + std::to_string(json.at("port").to_number<int>());
  }

  std::filesystem::path folder_;
  std::unique_ptr<Child> child_;
  std::string url_;
};

}  // namespace muster::connect::testing
