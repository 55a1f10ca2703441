#include "runtime/train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

namespace nnc::train {

namespace {

constexpr double kRedrawSeconds = 0.1, kLineSeconds = 30;
constexpr int kLongestBar = 30, kShortestBar = 5;

std::string rateText(double perSecond) {
  if (perSecond >= 1e6) return fmt::format("{:.1f}M rows/s", perSecond / 1e6);
  if (perSecond >= 1e4) return fmt::format("{:.1f}k rows/s", perSecond / 1e3);
  return fmt::format("{:.0f} rows/s", perSecond);
}

/// Columns on the screen: UTF-8 sequences count once (all that is drawn is one column wide).
int columnsOf(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string barText(double share, int width, bool color) {
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * width);
  std::string done, rest;
  for (int i = 0; i < width; ++i) (i < full ? done : rest) += "━";
  if (color) return fmt::format("\x1b[36m{}\x1b[90m{}\x1b[0m", done, rest);
  rest.clear();
  for (int i = full; i < width; ++i) rest += "·";
  return done + rest;
}

void writeToStandardError(std::string_view text) {
  // Progress is a courtesy: a closed or full standard error must not stop the run.
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

double steadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Terminal Terminal::detect() {
  Terminal terminal;
  const char* term = std::getenv("TERM");
  terminal.interactive = ::isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
  const char* noColor = std::getenv("NO_COLOR");
  terminal.color = terminal.interactive && !(noColor && *noColor);
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width = size.ws_col;
  return terminal;
}

std::string durationText(double seconds) {
  const auto all = static_cast<int64_t>(std::clamp(std::ceil(seconds), 0.0, 1e9));
  const int64_t hours = all / 3600, minutes = all / 60 % 60;
  return hours ? fmt::format("{}:{:02}:{:02}", hours, minutes, all % 60) : fmt::format("{}:{:02}", minutes, all % 60);
}

std::string valueText(double value) {
  return fmt::format("{:.4g}", value);
}

std::string renderBar(const ProgressState& state, const Pace& pace, const Terminal& terminal) {
  const std::string head = fmt::format("epoch {}/{} ", state.epoch, state.epochs);
  std::string tail = fmt::format(" {}/{}  loss {}", state.epochStep, state.epochSteps, valueText(state.loss));
  std::string end;
  if (pace.rowsPerSecond > 0) end += "  " + rateText(pace.rowsPerSecond);
  if (pace.secondsLeft >= 0) end += fmt::format("  {} left", durationText(pace.secondsLeft));
  // The last column stays empty: some terminals wrap when it is filled.
  const int room = terminal.width - 1 - kShortestBar;
  for (const auto& [name, value] : state.metrics) {
    const std::string text = fmt::format("  {} {}", name, valueText(value));
    if (columnsOf(head) + columnsOf(tail) + columnsOf(text) + columnsOf(end) > room) break;
    tail += text;
  }
  if (columnsOf(head) + columnsOf(tail) + columnsOf(end) <= room) tail += end;
  const int left = terminal.width - 1 - columnsOf(head) - columnsOf(tail);
  if (left < kShortestBar) return (head + tail).substr(0, static_cast<size_t>(std::max(terminal.width - 1, 0)));
  const double share =
      state.epochSteps ? static_cast<double>(state.epochStep) / static_cast<double>(state.epochSteps) : 0;
  return head + barText(share, std::min(left, kLongestBar), terminal.color) + tail;
}

std::string renderLine(const ProgressState& state, const Pace& pace) {
  std::string line = fmt::format("{}: epoch {}/{}, step {}/{}, loss {}", state.train, state.epoch, state.epochs,
                                 state.step, state.steps, valueText(state.loss));
  for (const auto& [name, value] : state.metrics) line += fmt::format(", {} {}", name, valueText(value));
  if (pace.rowsPerSecond > 0) line += ", " + rateText(pace.rowsPerSecond);
  if (pace.secondsLeft >= 0) line += fmt::format(", {} left", durationText(pace.secondsLeft));
  return line;
}

Progress::Progress() : Progress(Terminal::detect(), writeToStandardError, steadySeconds) {}

Progress::Progress(Terminal terminal, Write write, Clock clock)
    : terminal_(terminal), write_(std::move(write)), clock_(std::move(clock)) {}

Progress::~Progress() {
  clear();
}

Pace Progress::pace(const ProgressState& state, double now) {
  Pace pace;
  const double elapsed = now - startTime_;
  const int64_t steps = state.step - startStep_;
  if (elapsed <= 0 || steps <= 0) return pace;
  pace.rowsPerSecond = static_cast<double>(state.rows - startRows_) / elapsed;
  pace.secondsLeft =
      elapsed / static_cast<double>(steps) * static_cast<double>(std::max<int64_t>(state.steps - state.step, 0));
  return pace;
}

void Progress::update(const ProgressState& state) {
  const double now = clock_();
  if (state.train != train_ || state.step < startStep_) {
    train_ = state.train;
    startTime_ = lastShown_ = now;
    startStep_ = state.step;
    startRows_ = state.rows;
    if (!terminal_.interactive) return;
  } else if (now - lastShown_ < (terminal_.interactive ? kRedrawSeconds : kLineSeconds)) {
    return;
  }
  lastShown_ = now;
  if (terminal_.interactive) {
    write_("\r" + renderBar(state, pace(state, now), terminal_) + "\x1b[K");
    drawn_ = true;
  } else {
    write_(renderLine(state, pace(state, now)) + "\n");
  }
}

void Progress::message(std::string_view text) {
  clear();
  write_(std::string(text) + "\n");
}

void Progress::clear() {
  if (drawn_) write_("\r\x1b[K");
  drawn_ = false;
}

}  // namespace nnc::train
