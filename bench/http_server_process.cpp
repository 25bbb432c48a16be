#include "bench/http_server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "server/http/url.h"

namespace muster::bench {

namespace {

constexpr std::chrono::seconds kReadyTime{30};

}  // namespace

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);  // What it holds is thrown away.
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

ProcessUse ServerProcess::use() const {
  ProcessUse use;
  const std::filesystem::path proc = "/proc/" + std::to_string(pid_);
  std::string stat;
  std::getline(std::ifstream(proc / "stat"), stat);
  // Behind the name, which ends with the last bracket: the 12th and 13th field (man 5 proc).
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  use.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc / "task", gone)) {
    std::ifstream in(task.path() / "status");
    for (std::string line; std::getline(in, line);) {
      const std::size_t at = line.find("ctxt_switches:");
      if (at == line.npos) continue;
      use.switches += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
    }
  }
  return use;
}

Status ServerProcess::start(const std::string& program, const std::filesystem::path& parent) {
  std::string name = (parent / "muster-http-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::Unavailable, "cannot make a folder in " + parent.string()};
  }
  folder_ = name;
  const std::string data = folder_ / "data", ready = folder_ / "ready", log = folder_ / "log";
  pid_ = fork();
  if (pid_ == 0) {
    const int out = open(log.c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(out, 1);
    dup2(out, 2);
    execl(program.c_str(), program.c_str(), "serve", "--data", data.c_str(), "--listen",
          "127.0.0.1:0", "--ready-file", ready.c_str(), nullptr);
    _exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + kReadyTime;
  while (std::chrono::steady_clock::now() < end && waitpid(pid_, nullptr, WNOHANG) == 0) {
    std::ifstream in(ready);
    if (std::string url; std::getline(in, url)) {
      TRY_ASSIGN(const server::Url at, server::parse_http_url(url));
      port_ = at.at.port;
      return Ok{};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return Error{ErrorCode::Unavailable, program + " does not get ready"};
}

}  // namespace muster::bench
