#include "isolated.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace nnc::testing {

namespace {
const std::string kMarker = "\x01result\x02";  // stands between what the work printed and what it returned
}

Isolated isolated(int seconds, const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    close(ends[0]);
    // Time of the CPU, so that a busy machine hangs nothing; what waits without using it ends too.
    const rlimit limit{static_cast<rlim_t>(seconds), static_cast<rlim_t>(seconds)};
    setrlimit(RLIMIT_CPU, &limit);
    alarm(static_cast<unsigned>(20 * seconds));
    dup2(ends[1], STDERR_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    std::string text;
    try {
      text = work();
    } catch (const std::exception& error) {
      fmt::print(stderr, "an exception: {}\n", error.what());
      fflush(nullptr);
      _exit(99);
    }
    fflush(nullptr);
    text = kMarker + text;
    for (size_t at = 0; at < text.size();) {
      const ssize_t n = write(ends[1], text.data() + at, text.size() - at);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  Isolated result;
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) result.text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const size_t marker = result.text.rfind(kMarker);
  const std::string said = result.text.substr(0, marker);
  result.text = marker == std::string::npos ? "" : result.text.substr(marker + kMarker.size());
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const bool late = signal == SIGALRM || signal == SIGXCPU || signal == SIGKILL;
    result.crash = late ? fmt::format("no end within {} s", seconds) : fmt::format("signal {}", signal);
  } else if (WEXITSTATUS(status) != 0) {
    result.crash = fmt::format("exit code {}", WEXITSTATUS(status));
  }
  if (!result.crash.empty()) result.crash += ": " + said;
  return result;
}

}  // namespace nnc::testing
