// The recursive-descent parser of .nnir text, in three files: tokens and small parts (text_parser.cpp), the module's
// declarations (text_module_parser.cpp), graphs (text_graph_parser.cpp). The first error ends it: every method may
// throw IrTextParser::Stop after reporting.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/graph.h"
#include "ir/op_schema.h"
#include "ir/text_lexer.h"

namespace nnc {

class IrTextParser {
public:
  struct Stop {};

  IrTextParser(uint32_t file, SourceManager& sources, Diagnostics& diagnostics);

  Module module();

private:
  /// The values of the graph being read, by the name the text gives them.
  using Scope = std::unordered_map<std::string, uint32_t>;

  // Tokens
  const IrToken& peek() const { return token_; }
  IrToken take();
  bool at(std::string_view symbol) const { return token_.kind == IrTokenKind::Symbol && token_.text == symbol; }
  bool atString() const { return token_.kind == IrTokenKind::String; }
  bool atWord(std::string_view word) const { return token_.kind == IrTokenKind::Identifier && token_.text == word; }
  bool eat(std::string_view symbol);
  bool eatWord(std::string_view word);
  void expect(std::string_view symbol);
  void expectWord(std::string_view word);
  std::string identifier(const char* what);
  std::string string(const char* what);
  /// A written number: its value, and if it is written as an integer of 64 bits, that.
  struct Numeral {
    double real = 0;
    int64_t integer = 0;
    bool isInteger = false;
  };
  Numeral numeral();
  int64_t integer();
  double number();
  [[noreturn]] void stop(DiagCode code, Loc at, std::string message);
  [[noreturn]] void unexpected(std::string_view wanted);
  template <typename F>
  void list(std::string_view open, std::string_view close, F item) {
    expect(open);
    if (eat(close)) return;
    do item();
    while (eat(","));
    expect(close);
  }

  // Small parts
  Dim dim();
  Dim dimFactor();
  DType dtype();
  Type type();
  Loc place();
  Loc loc();
  Origin origin();
  AttrValue attrValue(AttrKind kind);
  Literal literal();

  // Declarations
  void declaration(Module& m);
  Hyper hyper();
  DataSource dataSource();
  Variable variable(Variable::Kind kind);
  Scalar scalar();
  TrainBlock train();
  void trainSetting(TrainBlock& t);
  Function function();

  // Graphs
  Graph graph(int depth);
  void node(Graph& g, Scope& scope, int depth);
  void resultTypes(Node& n, int64_t count);
  Attrs attrs(Op op);
  void finishNode(const Graph& g, Node& n, Loc at);
  void outputs(Graph& g, const Scope& scope);
  Value value(const Graph& g, const Scope& scope);

  SourceManager& sources_;
  Diagnostics& diagnostics_;
  IrLexer lexer_;
  IrToken token_;
  std::map<std::string, uint32_t> files_;                            // named in places
  std::map<std::string, std::shared_ptr<const std::string>> paths_;  // equal instance paths share their text
};

}  // namespace nnc
