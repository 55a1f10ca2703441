#include "frontend/elab/unique_names.h"

#include <fmt/format.h>

#include <map>

#include "frontend/elab/walk.h"

namespace nnc::elab {

namespace {

/// Names of one kind of list, where each may stand once.
class Names {
public:
  explicit Names(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  void add(const std::string& name, Loc at) {
    const auto [first, isNew] = first_.try_emplace(name, at);
    if (name.empty() || name == "_" || isNew) return;
    diagnostics_.error(DiagCode::Redefined, at, fmt::format("`{}` is defined twice", name))
        .note(first->second, "the first definition stands");
  }
  void add(const ast::Ident& name) { add(name.text, name.loc); }
  void add(const std::vector<ast::ParamDecl>& list) {
    for (const ast::ParamDecl& p : list) add(p.name);
  }
  void add(const ast::Pattern& p) {
    add(p.name, p.loc);
    for (const ast::Pattern& q : p.elements) add(q);
  }

private:
  Diagnostics& diagnostics_;
  std::map<std::string, Loc> first_;
};

class Reporter {
public:
  explicit Reporter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    walker_.onStmt = [this](const ast::Stmt& s) {
      if (const auto* let = s.tryAs<ast::Let>()) Names(diagnostics_).add(let->pattern);
      if (const auto* var = s.tryAs<ast::Var>()) Names(diagnostics_).add(var->pattern);
    };
    walker_.onExpr = [this](const ast::Expr& e) {
      if (const auto* lambda = e.tryAs<ast::Lambda>()) Names(diagnostics_).add(lambda->params);
      if (const auto* loop = e.tryAs<ast::For>()) {
        Names indices(diagnostics_);
        for (const ast::For::Index& i : loop->indices) indices.add(i.name);
      }
    };
  }

  void item(const ast::Stmt& s) {
    if (const auto* f = s.tryAs<ast::Callable>()) {
      Names arguments(diagnostics_);
      arguments.add(f->staticParams);
      arguments.add(f->params);
      body(f->body);
    } else if (const auto* train = s.tryAs<ast::Train>()) {
      body(train->body);
    } else if (const auto* data = s.tryAs<ast::Data>()) {
      Names fields(diagnostics_);
      for (const ast::Data::Field& f : data->fields) {
        fields.add(f.name);
        walker_.expr(*f.value);
      }
      for (const auto& line : data->lets) {
        if (const auto* let = line->tryAs<ast::Let>()) fields.add(let->pattern);
        walker_.stmt(*line);
      }
    } else {
      walker_.stmt(s);
    }
  }

private:
  void body(const ast::Block& block) {
    Names kept(diagnostics_), metrics(diagnostics_);
    for (const auto& s : block.stmts) {
      if (const auto* param = s->tryAs<ast::Param>()) kept.add(param->name);
      if (const auto* state = s->tryAs<ast::State>()) kept.add(state->name);
      if (const auto* let = s->tryAs<ast::Let>(); let && let->pattern.name == "loss")
        metrics.add("loss", let->pattern.loc);
      if (const auto* metric = s->tryAs<ast::Metric>()) metrics.add(metric->name);
    }
    walker_.block(block);
  }

  Diagnostics& diagnostics_;
  Walker walker_;
};

}  // namespace

void reportRepeatedNames(const ast::File& file, Diagnostics& diagnostics) {
  Reporter reporter(diagnostics);
  for (const auto& item : file.items) reporter.item(*item);
}

}  // namespace nnc::elab
