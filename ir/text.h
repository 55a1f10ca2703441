// The text form of the graph (.nnir): prints, parses, round-trips. What prints is what a lit test checks.
//
//   module "mlp"
//   param "net.w" : f32[784, 10] loc("mlp.nn":3:3)
//   func "classify" export(B <= 64) {
//     %x = leaf {kind="input", name="x"} : f32[B, 784]
//     %w = leaf {kind="param", name="net.w"} : f32[784, 10]
//     %2 = dot(%x, %w) {contract_a=[1], contract_b=[0]} : f32[B, 10] loc("mlp.nn":5:9+4 in "net")
//     %s:2 = sort(%2) {axis=1} : f32[B, 10], i32[B, 10]
//     result "best" %s#1
//   }
//
// A value is %name or %number, `%s#1` the second result of a node with several. Empty lists, false flags and the
// attribute `type` (it is the result's type) are not written. A region stands in braces after its node, a second one
// after `else`, and ends in `return`. A place is loc("file":line:column+length from "user file":line:column+length in
// "instance path").
// `//` starts a comment.
#pragma once

#include <string>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace nnc {

struct PrintOptions {
  bool locations = true;                   // trailing loc(...) with place and instance path
  const SourceManager* sources = nullptr;  // names the files of places; without it only instance paths are printed
};

std::string printModule(const Module& module, const PrintOptions& options = {});
std::string printFunction(const Function& function, const PrintOptions& options = {});
/// Parses a registered file and verifies what it says; errors are located diagnostics. The module is meaningful only
/// without errors. The files named in places are registered in `sources`, without their text.
Module parseModule(uint32_t file, SourceManager& sources, Diagnostics& diagnostics);

/// The name of each node's value as the printer writes it, without the `%`: the node's own name made an identifier and
/// unique in the graph, or its position.
std::vector<std::string> valueNames(const Graph& graph);

}  // namespace nnc
