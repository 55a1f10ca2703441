#include "runtime/train/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

namespace nnc::train {

namespace {

constexpr int kPanelWidth = 460, kPanelHeight = 280, kColumns = 2;
constexpr int kLeft = 64, kRight = 16, kTop = 34, kBottom = 42;
constexpr size_t kMostPoints = 2000;
constexpr const char* kColors[] = {"#1f6feb", "#d9480f", "#2b8a3e", "#9c36b5", "#b08900",
                                   "#0b7285", "#c2255c", "#5c940d", "#495057", "#862e9c"};
constexpr int kLegendRow = 13, kLegendInTitle = 3;  // more lines than this have their names inside the panel

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// A range that can be divided by: something around a single value, 0 to 1 around none.
  void settle() {
    if (low > high) low = 0, high = 1;
    if (low == high) {
      const double around = low == 0 ? 1 : std::abs(low) * 0.1;
      low -= around;
      high += around;
    }
  }
};

/// Keeps the lowest and the highest point of each group of neighbours, in their order, so that peaks stay visible.
std::vector<std::pair<double, double>> thinned(const std::vector<std::pair<double, double>>& points) {
  if (points.size() <= kMostPoints) return points;
  const size_t group = (points.size() + kMostPoints / 2 - 1) / (kMostPoints / 2);
  std::vector<std::pair<double, double>> kept;
  for (size_t begin = 0; begin < points.size(); begin += group) {
    const auto first = points.begin() + static_cast<ptrdiff_t>(begin);
    const auto last = points.begin() + static_cast<ptrdiff_t>(std::min(begin + group, points.size()));
    const auto byValue = [](const auto& a, const auto& b) { return a.second < b.second; };
    auto [low, high] = std::minmax_element(first, last, byValue);
    if (low > high) std::swap(low, high);
    kept.push_back(*low);
    if (low != high) kept.push_back(*high);
  }
  return kept;
}

/// Maps data to pixels and draws one panel at its place.
class PanelWriter {
public:
  PanelWriter(const PlotPanel& panel, int column, int row)
      : panel_(panel), x0_(column * kPanelWidth + kLeft), y0_(row * kPanelHeight + kTop) {
    for (const PlotLine& line : panel.lines) {
      for (const auto& [x, y] : line.points) {
        x_.add(x);
        y_.add(y);
      }
    }
    x_.settle();
    y_.settle();
  }

  std::string draw() {
    drawFrame();
    for (size_t i = 0; i < panel_.lines.size(); ++i) drawLine(panel_.lines[i], kColors[i % std::size(kColors)]);
    drawLegend();
    return std::move(out_);
  }

private:
  static constexpr int kWidth = kPanelWidth - kLeft - kRight, kHeight = kPanelHeight - kTop - kBottom;

  double px(double x) const { return x0_ + (x - x_.low) / (x_.high - x_.low) * kWidth; }
  double py(double y) const { return y0_ + (y_.high - y) / (y_.high - y_.low) * kHeight; }

  void drawFrame() {
    out_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"title\">{}</text>\n", x0_, y0_ - 12, escaped(panel_.title));
    for (double tick : axisTicks(y_.low, y_.high, 5)) {
      out_ += fmt::format(
          "<path d=\"M{} {:.1f}h{}\" class=\"grid\"/><text x=\"{}\" y=\"{:.1f}\" class=\"y\">{:.4g}</text>\n", x0_,
          py(tick), kWidth, x0_ - 6, py(tick) + 4, tick);
    }
    for (double tick : axisTicks(x_.low, x_.high, 5)) {
      out_ += fmt::format(
          "<path d=\"M{:.1f} {}v5\" class=\"axis\"/><text x=\"{:.1f}\" y=\"{}\" class=\"x\">{:.6g}</text>\n", px(tick),
          y0_ + kHeight, px(tick), y0_ + kHeight + 18, tick);
    }
    out_ += fmt::format("<path d=\"M{} {}v{}h{}\" class=\"axis\"/><text x=\"{}\" y=\"{}\" class=\"x\">{}</text>\n", x0_,
                        y0_, kHeight, kWidth, x0_ + kWidth / 2, y0_ + kHeight + 34, escaped(panel_.xLabel));
  }

  void drawLine(const PlotLine& line, const char* color) {
    std::string path;
    bool pen = false;
    for (const auto& [x, y] : thinned(line.points)) {
      if (std::isfinite(x) && std::isfinite(y)) path += fmt::format("{}{:.1f} {:.1f}", pen ? "L" : "M", px(x), py(y));
      pen = std::isfinite(x) && std::isfinite(y);
    }
    // A single point has no line to show; round caps would need a length, so it gets a dot.
    if (line.points.size() == 1 && !path.empty()) {
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", px(line.points[0].first),
                          py(line.points[0].second), color);
    } else if (!path.empty()) {
      out_ += fmt::format("<path d=\"{}\" stroke=\"{}\" class=\"line\"/>\n", path, color);
    }
  }

  void drawLegend() {
    const auto count = static_cast<int>(panel_.lines.size());
    if (count > kLegendInTitle) {
      const int top = endsHigh() ? y0_ + kHeight - kLegendRow * count : y0_ + kLegendRow;
      for (int i = 0; i < count; ++i) drawName(static_cast<size_t>(i), x0_ + kWidth - 4, top + kLegendRow * i);
      return;
    }
    double right = x0_ + kWidth;
    for (size_t i = panel_.lines.size(); i-- > 0;) {
      drawName(i, right, y0_ - 12);
      right -= 12 + 7.0 * static_cast<double>(panel_.lines[i].name.size());
    }
  }

  /// Whether most lines end in the upper half, so that the lower one has room.
  bool endsHigh() const {
    const auto high = [this](const PlotLine& l) {
      return !l.points.empty() && l.points.back().second > (y_.low + y_.high) / 2;
    };
    return 2 * std::count_if(panel_.lines.begin(), panel_.lines.end(), high) > std::ssize(panel_.lines);
  }

  void drawName(size_t line, double right, int y) {
    out_ += fmt::format("<text x=\"{:.0f}\" y=\"{}\" class=\"legend\" style=\"fill:{}\">{}</text>\n", right, y,
                        kColors[line % std::size(kColors)], escaped(panel_.lines[line].name));
  }

  const PlotPanel& panel_;
  int x0_, y0_;
  Range x_, y_;
  std::string out_;
};

/// What the names of the lines must tell apart.
struct Naming {
  bool severalRuns = false, severalTrains = false;

  explicit Naming(const std::vector<PlotRun>& runs) : severalRuns(runs.size() > 1) {
    std::set<std::string> trains;
    for (const PlotRun& run : runs)
      for (const LogRecord& record : run.records) trains.insert(record.train);
    severalTrains = trains.size() > 1;
  }

  std::string operator()(const PlotRun& run, const LogRecord& record) const {
    std::string name = severalRuns ? run.name : "";
    if (severalTrains) name += (name.empty() ? "" : " ") + record.train;
    return severalRuns ? name : name + (name.empty() ? "" : " ") + record.split;
  }
};

/// Adds a quantity's panel if a record has it; `value` gives the quantity of a record or nothing.
template <class Value>
void addPanel(std::vector<PlotPanel>& panels, const std::vector<PlotRun>& runs, const std::string& title, Value value) {
  const Naming nameOf(runs);
  PlotPanel panel{title, "step", {}};
  for (const PlotRun& run : runs) {
    const bool validated =
        nameOf.severalRuns && std::any_of(run.records.begin(), run.records.end(),
                                          [&](const auto& r) { return r.split == "valid" && value(r); });
    for (const LogRecord& record : run.records) {
      const std::optional<double> y = value(record);
      if (!y || (validated && record.split != "valid")) continue;
      const std::string name = nameOf(run, record);
      auto line = std::find_if(panel.lines.begin(), panel.lines.end(), [&](const auto& l) { return l.name == name; });
      if (line == panel.lines.end()) line = panel.lines.insert(line, {name, {}});
      line->points.emplace_back(static_cast<double>(record.step), *y);
    }
  }
  if (!panel.lines.empty()) panels.push_back(std::move(panel));
}

/// The metrics of all runs, in the order in which they first appear.
std::vector<std::string> metricsOf(const std::vector<PlotRun>& runs) {
  std::vector<std::string> names;
  for (const PlotRun& run : runs)
    for (const LogRecord& record : run.records)
      for (const auto& [name, value] : record.metrics)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

}  // namespace

std::vector<double> axisTicks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double factor = raw / power;
  const double step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
  std::vector<double> ticks;
  // The loop counts in whole steps: adding up would drift, and never end where the step vanishes beside the values.
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i <= 2 * count && (first + i) * step <= high + step * 1e-9; ++i) ticks.push_back((first + i) * step);
  return ticks;
}

std::vector<PlotPanel> panelsOf(const std::vector<PlotRun>& runs) {
  std::vector<PlotPanel> panels;
  addPanel(panels, runs, "loss", [](const LogRecord& r) { return std::optional(r.loss); });
  for (const std::string& metric : metricsOf(runs)) {
    addPanel(panels, runs, metric, [&](const LogRecord& r) -> std::optional<double> {
      for (const auto& [name, value] : r.metrics) {
        if (name == metric) return value;
      }
      return std::nullopt;
    });
  }
  return panels;
}

std::string renderSvg(const std::vector<PlotPanel>& panels) {
  const int count = static_cast<int>(panels.size());
  const int columns = std::clamp(count, 1, kColumns), rows = std::max(1, (count + kColumns - 1) / kColumns);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n"
      "<style>text{{font:12px sans-serif;fill:#333}} .title{{font-weight:bold}} .x{{text-anchor:middle}} "
      ".y,.legend{{text-anchor:end}} .grid{{stroke:#e5e5e5}} .axis{{stroke:#666;fill:none}} "
      ".line{{fill:none;stroke-width:1.6;stroke-linejoin:round}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      columns * kPanelWidth, rows * kPanelHeight);
  for (int i = 0; i < count; ++i) svg += PanelWriter(panels[static_cast<size_t>(i)], i % kColumns, i / kColumns).draw();
  return svg + "</svg>\n";
}

}  // namespace nnc::train
