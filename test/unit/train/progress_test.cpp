#include "runtime/train/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nnc::train::test {
namespace {

ProgressState stateAt(int64_t step) {
  return {"fit", 2, 20, 430 + step, 8600, step, 430, (430 + step) * 128, 0.41234, {{"accuracy", 0.875}}};
}

struct Screen {
  std::string text;
  double now = 100;
  Progress progress;
  explicit Screen(Terminal terminal)
      : progress(terminal, [this](std::string_view part) { text += part; }, [this] { return now; }) {}
};

TEST(Progress, BarShowsEpochStepLossMetricsSpeedAndTimeLeft) {
  const std::string bar = renderBar(stateAt(215), {51234, 83.2}, {true, false, 100});
  EXPECT_EQ(bar, "epoch 2/20 ━━━━━━━━━━━━━············· 215/430  loss 0.4123  accuracy 0.875  51.2k rows/s  1:24 left");
}

TEST(Progress, BarNeverExceedsTheTerminal) {
  for (int width = 0; width < 120; ++width) {
    const std::string bar = renderBar(stateAt(215), {51234, 83.2}, {true, false, width});
    const auto columns = std::count_if(bar.begin(), bar.end(), [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(columns, std::max(width - 1, 0)) << bar;
  }
}

TEST(Progress, ColorOnlyWhereAllowed) {
  EXPECT_NE(renderBar(stateAt(1), {}, {true, true, 80}).find("\x1b["), std::string::npos);
  EXPECT_EQ(renderBar(stateAt(1), {}, {true, false, 80}).find("\x1b["), std::string::npos);
}

TEST(Progress, PlainLinesOutsideATerminalAtMostEveryThirtySeconds) {
  Screen screen({false, false, 80});
  for (int64_t step = 0; step <= 100; ++step, screen.now += 1) screen.progress.update(stateAt(step));
  EXPECT_EQ(screen.text,
            "fit: epoch 2/20, step 460/8600, loss 0.4123, accuracy 0.875, 128 rows/s, 2:15:40 left\n"
            "fit: epoch 2/20, step 490/8600, loss 0.4123, accuracy 0.875, 128 rows/s, 2:15:10 left\n"
            "fit: epoch 2/20, step 520/8600, loss 0.4123, accuracy 0.875, 128 rows/s, 2:14:40 left\n");
}

TEST(Progress, TerminalRedrawsAtMostTenTimesASecondAndMessagesStandAbove) {
  Screen screen({true, false, 60});
  for (int64_t step = 0; step < 100; ++step, screen.now += 0.01) screen.progress.update(stateAt(step));
  EXPECT_LE(std::count(screen.text.begin(), screen.text.end(), '\r'), 11);
  EXPECT_GE(std::count(screen.text.begin(), screen.text.end(), '\r'), 9);
  screen.text.clear();
  screen.progress.message("epoch 1: loss 0.5");
  EXPECT_EQ(screen.text, "\r\x1b[Kepoch 1: loss 0.5\n");
  screen.text.clear();
  screen.progress.clear();
  EXPECT_EQ(screen.text, "");
}

TEST(Progress, DurationsAndValues) {
  EXPECT_EQ(durationText(6.2), "0:07");
  EXPECT_EQ(durationText(750), "12:30");
  EXPECT_EQ(durationText(11100), "3:05:00");
  EXPECT_EQ(valueText(12.3456), "12.35");
  EXPECT_EQ(valueText(1.2e-5), "1.2e-05");
}

}  // namespace
}  // namespace nnc::train::test
