#include "tools/nnc/drawing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace nnc::tools {

namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

class Drawer {
public:
  explicit Drawer(const Function& function) : graph_(function.body) {
    drawing_.name = function.name;
    boxOf_.assign(graph_.nodes.size(), kNone);
  }

  Drawing draw() {
    for (uint32_t i = 0; i < graph_.nodes.size(); ++i) add(i);
    for (const Output& output : graph_.outputs) {
      if (output.role == OutputRole::Update || boxOf_[output.value.node] == kNone) continue;
      drawing_.boxes.push_back({"result " + output.name, "", graph_.type(output.value).str(), {}});
      arrow(boxOf_[output.value.node], drawing_.boxes.size() - 1);
    }
    for (size_t b = 0; b < names_.size(); ++b)
      drawing_.boxes[b].operations = fmt::format("{}", fmt::join(names_[b], ", "));
    return std::move(drawing_);
  }

private:
  /// Constants, parameters and what is made of them alone belong to the box that uses them.
  void add(uint32_t i) {
    const Node& node = graph_.nodes[i];
    const bool input = node.op == Op::Leaf && node.attrs.string("kind") == "input";
    const bool fed = std::any_of(node.in.begin(), node.in.end(), [&](Value v) { return boxOf_[v.node] != kNone; });
    if (!input && !fed) return;
    const std::string path(node.origin.pathOrEmpty());
    if (input || drawing_.boxes.empty() || inInput_ || path != drawing_.boxes.back().title)
      drawing_.boxes.push_back({input ? "input " + node.attrs.string("name") : path, "", "", {}});
    inInput_ = input;
    const size_t box = boxOf_[i] = drawing_.boxes.size() - 1;
    names_.resize(drawing_.boxes.size());
    drawing_.boxes[box].type = node.out.empty() ? "" : node.out[0].str();
    const OpClass cls = opInfo(node.op).cls;
    const std::string name = opInfo(node.op).text;
    std::vector<std::string>& names = names_[box];
    if (!input && cls != OpClass::View && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
    for (Value v : node.in) {
      if (boxOf_[v.node] == kNone)
        read(v.node, box);
      else
        arrow(boxOf_[v.node], box);
    }
  }

  /// Names the parameters below a value in the box.
  void read(uint32_t i, size_t box) {
    const Node& node = graph_.nodes[i];
    if (node.op == Op::Leaf) {
      std::string name = node.attrs.string("name");
      const std::string& path = drawing_.boxes[box].title;
      if (!path.empty() && name.starts_with(path + ".")) name.erase(0, path.size() + 1);
      std::string text = fmt::format("{}: {}", name, node.out[0].str());
      std::vector<std::string>& reads = drawing_.boxes[box].reads;
      if (std::find(reads.begin(), reads.end(), text) == reads.end()) reads.push_back(std::move(text));
    }
    for (Value v : node.in) read(v.node, box);
  }

  void arrow(size_t from, size_t to) {
    if (from != to && known_.emplace(from, to).second) drawing_.arrows.push_back({from, to});
  }

  const Graph& graph_;
  Drawing drawing_;
  std::vector<size_t> boxOf_;                    // by node; kNone: not drawn by itself
  std::vector<std::vector<std::string>> names_;  // operations by box
  std::set<std::pair<size_t, size_t>> known_;
  bool inInput_ = false;  // the last box is an input's
};

std::string quoted(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<Drawing> drawingsOf(const Module& module) {
  std::vector<Drawing> drawings;
  for (Function::Kind kind : {Function::Kind::Export, Function::Kind::Eval}) {
    for (const Function& function : module.functions)
      if (function.kind == kind) drawings.push_back(Drawer(function).draw());
    if (!drawings.empty()) break;
  }
  return drawings;
}

std::string dotOf(const std::vector<Drawing>& drawings) {
  std::string out = "digraph model {\n  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n";
  for (size_t d = 0; d < drawings.size(); ++d) {
    out += fmt::format("  subgraph cluster_{} {{\n    label=\"{}\";\n", d, quoted(drawings[d].name));
    for (size_t b = 0; b < drawings[d].boxes.size(); ++b) {
      const DrawnBox& box = drawings[d].boxes[b];
      std::string label;
      for (const std::string* line : {&box.title, &box.operations, &box.type})
        if (!line->empty()) label += (label.empty() ? "" : "\\n") + quoted(*line);
      for (const std::string& read : box.reads) label += "\\n" + quoted(read);
      out += fmt::format("    n{}_{} [label=\"{}\"];\n", d, b, label);
    }
    for (const DrawnArrow& a : drawings[d].arrows) out += fmt::format("    n{0}_{1} -> n{0}_{2};\n", d, a.from, a.to);
    out += "  }\n";
  }
  return out + "}\n";
}

}  // namespace nnc::tools
