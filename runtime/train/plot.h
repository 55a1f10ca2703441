// Curves of runs as SVG: one panel for each quantity; of one run a line for each split, of several a line for each run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/train/metrics_log.h"

namespace nnc::train {

struct PlotLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x ascending; a NaN in y interrupts the line
};

struct PlotPanel {
  std::string title, xLabel;
  std::vector<PlotLine> lines;
};

struct PlotRun {
  std::string name;
  std::vector<LogRecord> records;
};

/// Panels for the loss, each metric, the learning rate, the gradient norm and the speed, as far as the records have
/// them, over the steps. Lines are named by what tells them apart: run, train block, split. Of several runs only the
/// validation split is drawn where they have it (loss and metrics), so that a line stands for a run.
std::vector<PlotPanel> panelsOf(const std::vector<PlotRun>& runs);

/// One SVG document, the panels in two columns. Lines of more than 2,000 points are drawn by the extremes of groups.
std::string renderSvg(const std::vector<PlotPanel>& panels);

/// Round values that divide [low, high] into about `count` parts: steps of 1, 2 or 5 times a power of ten.
std::vector<double> axisTicks(double low, double high, int count);

}  // namespace nnc::train
