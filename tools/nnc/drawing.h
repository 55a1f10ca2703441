// Pictures of what a model computes: a box for each run of operations of one layer, an arrow for each value that passes
// between boxes. Parameters stand in the box that uses them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace nnc::tools {

struct DrawnBox {
  std::string title;               // the layer's path, an input's or a result's name
  std::string operations;          // "conv, add"
  std::string type;                // of the value it yields
  std::vector<std::string> reads;  // "w: f32[3, 3, 1, 32]"
};
struct DrawnArrow {
  size_t from, to;  // boxes; from < to
};
struct Drawing {
  std::string name;  // the function's
  std::vector<DrawnBox> boxes;
  std::vector<DrawnArrow> arrows;
};

/// One drawing for each exported function; of a module without exports, for each evaluation of a train block.
std::vector<Drawing> drawingsOf(const Module& module);

/// As a graph in Graphviz's language; as a picture laid out in layers.
std::string dotOf(const std::vector<Drawing>& drawings);
std::string svgOf(const std::vector<Drawing>& drawings);

}  // namespace nnc::tools
