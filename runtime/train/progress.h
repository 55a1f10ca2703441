// The progress of a run on standard error: one bar that redraws itself on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace nnc::train {

using NamedValues = std::vector<std::pair<std::string, double>>;

/// Where the run stands after a step.
struct ProgressState {
  std::string train;                      // the train block's name
  int64_t epoch = 1, epochs = 1;          // the current one, counted from 1
  int64_t step = 0, steps = 0;            // done and in all, over the epochs
  int64_t epochStep = 0, epochSteps = 0;  // done and in all, in this epoch
  int64_t rows = 0;                       // done over the epochs
  double loss = 0;
  NamedValues metrics;
};

/// How to draw. Detected once; tests make their own.
struct Terminal {
  bool interactive = false;  // redraw a bar
  bool color = false;
  int width = 80;

  /// Of standard error: interactive if it is a terminal that can move the cursor (TERM is set and not "dumb"), color
  /// unless NO_COLOR is set and not empty.
  static Terminal detect();
};

/// Speed and time left, as far as they are known (0 rows a second, -1 seconds: not yet).
struct Pace {
  double rowsPerSecond = 0;
  double secondsLeft = -1;
};

/// One line, no wider than the terminal: epoch, bar, steps, loss, metrics, rows a second, time left. Metrics that do
/// not fit are left out, last first.
std::string renderBar(const ProgressState& state, const Pace& pace, const Terminal& terminal);
/// The same without a bar: "fit: epoch 2/20, step 300/4300, loss 0.412, accuracy 0.87, 51.2k rows/s, 1:23 left".
std::string renderLine(const ProgressState& state, const Pace& pace);

/// "0:07", "12:30", "3:05:00".
std::string durationText(double seconds);
/// Four significant digits: "0.4123", "12.35", "1.2e-05", "nan".
std::string valueText(double value);

class Progress {
public:
  using Write = std::function<void(std::string_view)>;
  using Clock = std::function<double()>;  // seconds, never backwards

  /// Writes to standard error with the steady clock; tests give their own.
  Progress();
  Progress(Terminal terminal, Write write, Clock clock);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After each step: redraws at most ten times a second on a terminal, else prints a line at most every 30 seconds.
  void update(const ProgressState& state);
  /// A line that stays (the result of an epoch, a note), above the bar if there is one.
  void message(std::string_view text);
  /// Removes the bar.
  void clear();

private:
  Pace pace(const ProgressState& state, double now);

  Terminal terminal_;
  Write write_;
  Clock clock_;
  bool drawn_ = false;
  double lastShown_ = 0;
  // Start of the current train block in this process, for the mean pace; a resumed run starts in the middle.
  std::string train_;
  double startTime_ = 0;
  int64_t startStep_ = 0, startRows_ = 0;
};

}  // namespace nnc::train
