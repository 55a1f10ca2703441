// Layout in layers (Sugiyama, Tagawa and Toda 1981, without their crossing search): a box stands below all that it
// reads; in a row boxes are ordered by the middle of what they read; an arrow that passes rows gets a place in each.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tools/nnc/drawing.h"

namespace nnc::tools {

namespace {

constexpr double kLine = 15, kPad = 8, kGap = 28, kRowGap = 34, kCharacter = 6.6, kMargin = 20, kPassWidth = 12;

struct Placed {
  int box = -1;  // -1: an arrow passes here
  size_t row = 0;
  double x = 0, y = 0, width = kPassWidth, height = 0;  // x: the middle; y: the top
  std::vector<std::string> lines;
  std::vector<size_t> above;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

class Layout {
public:
  explicit Layout(const Drawing& drawing) {
    for (size_t b = 0; b < drawing.boxes.size(); ++b) placeBox(drawing.boxes[b], static_cast<int>(b));
    for (const DrawnArrow& a : drawing.arrows)  // boxes come in topological order
      items_[a.to].row = std::max(items_[a.to].row, items_[a.from].row + 1);
    for (const DrawnArrow& a : drawing.arrows) route(a);
    arrange();
  }

  double width() const { return width_; }
  double height() const { return height_; }

  std::string draw(double top) const {
    std::string out;
    for (const Placed& p : items_)
      for (size_t above : p.above) out += arrow(items_[above], p, top);
    for (const Placed& p : items_)
      if (p.box >= 0) out += box(p, top);
    return out;
  }

private:
  void placeBox(const DrawnBox& box, int number) {
    Placed p;
    p.box = number;
    for (const std::string* line : {&box.title, &box.operations, &box.type})
      if (!line->empty()) p.lines.push_back(*line);
    p.lines.insert(p.lines.end(), box.reads.begin(), box.reads.end());
    size_t longest = 0;
    for (const std::string& line : p.lines) longest = std::max(longest, line.size());
    p.width = static_cast<double>(longest) * kCharacter + 2 * kPad;
    p.height = static_cast<double>(p.lines.size()) * kLine + 2 * kPad;
    items_.push_back(std::move(p));
  }

  void route(const DrawnArrow& a) {
    size_t at = a.from;
    for (size_t row = items_[a.from].row + 1; row < items_[a.to].row; ++row) {
      Placed pass;
      pass.row = row;
      pass.above = {at};
      at = items_.size();
      items_.push_back(std::move(pass));
    }
    items_[a.to].above.push_back(at);
  }

  double wish(const Placed& p) const {
    if (p.above.empty()) return 0;
    double sum = 0;
    for (size_t above : p.above) sum += items_[above].x;
    return sum / static_cast<double>(p.above.size());
  }

  void arrange() {
    size_t rows = 0;
    for (const Placed& p : items_) rows = std::max(rows, p.row + 1);
    double y = 0, left = 0, right = 0;
    for (size_t row = 0; row < rows; ++row) {
      std::vector<size_t> members;
      for (size_t i = 0; i < items_.size(); ++i)
        if (items_[i].row == row) members.push_back(i);
      std::stable_sort(members.begin(), members.end(),
                       [&](size_t a, size_t b) { return wish(items_[a]) < wish(items_[b]); });
      double total = -kGap, middle = 0, height = 0;
      for (size_t i : members) {
        total += items_[i].width + kGap;
        middle += wish(items_[i]) / static_cast<double>(members.size());
        height = std::max(height, items_[i].height);
      }
      double x = middle - total / 2;
      left = std::min(left, x);
      right = std::max(right, x + total);
      for (size_t i : members) {
        items_[i].x = x + items_[i].width / 2;
        items_[i].y = y;
        if (items_[i].box < 0) items_[i].height = height;
        x += items_[i].width + kGap;
      }
      y += height + kRowGap;
    }
    for (Placed& p : items_) p.x += kMargin - left;
    width_ = right - left + 2 * kMargin;
    height_ = y - kRowGap;
  }

  static std::string arrow(const Placed& from, const Placed& to, double top) {
    const double y0 = top + from.y + from.height, y1 = top + to.y, middle = (y0 + y1) / 2;
    std::string pass = to.box < 0 ? fmt::format(" V{:.1f}", y1 + to.height) : "";
    return fmt::format(
        "<path d=\"M{0:.1f} {1:.1f} C{0:.1f} {2:.1f} {3:.1f} {2:.1f} {3:.1f} {4:.1f}{5}\" class=\"arrow\"{6}/>\n",
        from.x, y0, middle, to.x, y1, pass, to.box < 0 ? "" : " marker-end=\"url(#tip)\"");
  }

  static std::string box(const Placed& p, double top) {
    std::string out = fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"5\"/>\n",
                                  p.x - p.width / 2, top + p.y, p.width, p.height);
    double y = top + p.y + kPad + kLine - 4;
    for (const std::string& line : p.lines) {
      out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", p.x, y, escaped(line));
      y += kLine;
    }
    return out;
  }

  std::vector<Placed> items_;  // the boxes first, in their order
  double width_ = 0, height_ = 0;
};

}  // namespace

std::string svgOf(const std::vector<Drawing>& drawings) {
  std::string body;
  double top = kMargin, width = 2 * kMargin;
  for (const Drawing& drawing : drawings) {
    Layout layout(drawing);
    body += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"name\">{}</text>\n", kMargin, top + 10,
                        escaped(drawing.name));
    body += layout.draw(top + kRowGap);
    top += layout.height() + 2 * kRowGap;
    width = std::max(width, layout.width());
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\">\n"
      "<style>text {{ font: 11px monospace; text-anchor: middle }} .name {{ font-weight: bold; text-anchor: start }}\n"
      "rect {{ fill: #f6f8fa; stroke: #57606a }} .arrow {{ fill: none; stroke: #57606a }}</style>\n"
      "<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">"
      "<path d=\"M0 0 L8 4 L0 8 z\" fill=\"#57606a\"/></marker></defs>\n"
      "<rect width=\"100%\" height=\"100%\" style=\"fill: white; stroke: none\"/>\n{2}</svg>\n",
      width, top, body);
}

}  // namespace nnc::tools
