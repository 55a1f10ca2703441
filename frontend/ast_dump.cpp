#include "frontend/ast_dump.h"

#include <fmt/format.h>

namespace nnc::ast {

namespace {

class Dumper {
public:
  std::string take() { return std::move(out_); }

  void file(const File& file) {
    out_ += "(file";
    ++depth_;
    for (const StmtPtr& item : file.items) stmtLine(*item);
    out_ += ")\n";
  }

  // ---- Statements ----

  void stmt(const Stmt& s) {
    switch (s.kind) {
      case StmtKind::Use:
        return use(s.as<Use>());
      case StmtKind::Hyper:
        return hyper(s.as<Hyper>());
      case StmtKind::Data:
        return data(s.as<Data>());
      case StmtKind::Callable:
        return callable(s.as<Callable>());
      case StmtKind::Train:
        return train(s.as<Train>());
      case StmtKind::Search:
        out_ += "(search " + s.as<Search>().train.text;
        args(s.as<Search>().settings);
        return close();
      case StmtKind::Let:
        return binding("let", s.as<Let>());
      case StmtKind::Var:
        return binding("var", s.as<Var>());
      case StmtKind::State:
        return owned("state", s.as<State>());
      case StmtKind::Param:
        return owned("param", s.as<Param>());
      case StmtKind::Metric:
        out_ += "(metric " + s.as<Metric>().name.text + " ";
        expr(*s.as<Metric>().value);
        return close();
      case StmtKind::Assign:
        out_ += "(assign ";
        expr(*s.as<Assign>().target);
        out_ += " ";
        expr(*s.as<Assign>().value);
        return close();
      case StmtKind::Every:
        out_ += "(every ";
        expr(*s.as<Every>().count);
        block(s.as<Every>().body);
        return close();
      case StmtKind::ExprStmt:
        return expr(*s.as<ExprStmt>().expr);
    }
  }

  // ---- Expressions ----

  void expr(const Expr& e) {
    switch (e.kind) {
      case ExprKind::Int:
        out_ += std::to_string(e.as<Int>().value);
        return;
      case ExprKind::Float:
        return number(e.as<Float>().value);
      case ExprKind::Bool:
        out_ += e.as<Bool>().value ? "true" : "false";
        return;
      case ExprKind::String:
        return string(e.as<String>().value);
      case ExprKind::Name:
        out_ += e.as<Name>().text;
        return;
      case ExprKind::Call:
        return call(e.as<Call>());
      case ExprKind::Bracket:
        out_ += "(bracket ";
        expr(*e.as<Bracket>().base);
        args(e.as<Bracket>().args);
        return close();
      case ExprKind::Field:
        return form("field", {e.as<Field>().base.get()}, e.as<Field>().name.text);
      case ExprKind::Wild:
        return form("wild", {e.as<Wild>().base.get()}, e.as<Wild>().deep ? "**" : "*");
      case ExprKind::Transpose:
        return form("transpose", {e.as<Transpose>().operand.get()});
      case ExprKind::Unary:
        return form(e.as<Unary>().op == UnaryOp::Neg ? "-" : "not", {e.as<Unary>().operand.get()});
      case ExprKind::Binary:
        return form(spelling(e.as<Binary>().op), {e.as<Binary>().lhs.get(), e.as<Binary>().rhs.get()});
      case ExprKind::Tuple:
        out_ += "(tuple";
        for (const ExprPtr& element : e.as<Tuple>().elements) out_ += " ", expr(*element);
        return close();
      case ExprKind::If:
        return ifExpr(e.as<If>());
      case ExprKind::For:
        return forExpr(e.as<For>());
      case ExprKind::Lambda:
        out_ += "(fn";
        params(e.as<Lambda>().params, "(", ")");
        block(e.as<Lambda>().body);
        return close();
      case ExprKind::Range:
        out_ += "(range ";
        end(e.as<Range>().lo.get());
        out_ += " ";
        end(e.as<Range>().hi.get());
        return close();
      case ExprKind::All:
        out_ += ":";
        return;
      case ExprKind::ShapeMap:
        return shapeMap(e.as<ShapeMap>());
      case ExprKind::Error:
        out_ += "<error>";
        return;
    }
  }

private:
  void close() { out_ += ")"; }
  void newLine() { out_ += "\n" + std::string(2 * depth_, ' '); }

  void stmtLine(const Stmt& s) {
    newLine();
    stmt(s);
  }

  void block(const Block& b) {
    ++depth_;
    newLine();
    out_ += "(block";
    ++depth_;
    for (const StmtPtr& s : b.stmts) stmtLine(*s);
    depth_ -= 2;
    close();
  }

  void form(const char* head, std::initializer_list<const Expr*> parts, const std::string& last = "") {
    out_ += "(" + std::string(head);
    for (const Expr* part : parts) out_ += " ", expr(*part);
    if (!last.empty()) out_ += " " + last;
    close();
  }

  void end(const Expr* e) {
    if (e)
      expr(*e);
    else
      out_ += "_";
  }

  void number(double value) {
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    out_ += text;
  }

  void string(const std::string& value) {
    out_ += '"';
    for (const char c : value) {
      if (c == '\n')
        out_ += "\\n";
      else if (c == '\t')
        out_ += "\\t";
      else
        (c == '"' || c == '\\') ? out_ += '\\', out_ += c : out_ += c;
    }
    out_ += '"';
  }

  void args(const std::vector<Arg>& list) {
    for (const Arg& a : list) {
      out_ += " ";
      if (a.name) out_ += a.name.text + "=";
      expr(*a.value);
    }
  }

  void call(const Call& c) {
    out_ += c.piped ? "(pipe " : "(call ";
    if (c.label) {
      out_ += c.label.name.text;
      if (c.label.index) out_ += "[", expr(*c.label.index), out_ += "]";
      out_ += ": ";
    }
    expr(*c.callee);
    args(c.args);
    close();
  }

  void ifExpr(const If& e) {
    out_ += "(if ";
    expr(*e.cond);
    block(e.then);
    if (e.hasElse) block(e.otherwise);
    close();
  }

  void forExpr(const For& e) {
    out_ += "(for";
    for (const For::Index& index : e.indices) {
      out_ += " (" + index.name.text + " ";
      expr(*index.over);
      close();
    }
    block(e.body);
    close();
  }

  // ---- Shapes and types ----

  void axes(const std::vector<Axis>& list) {
    const char* separator = "";
    for (const Axis& a : list) {
      out_ += separator;
      separator = " ";
      switch (a.kind) {
        case Axis::Kind::Int:
          out_ += std::to_string(a.value);
          break;
        case Axis::Kind::Name:
          out_ += a.name;
          break;
        case Axis::Kind::Rest:
          out_ += "..." + a.name;
          break;
        case Axis::Kind::Group:
          out_ += "(", axes(a.group), out_ += ")";
          break;
      }
    }
  }

  void shapeMap(const ShapeMap& map) {
    out_ += "{";
    for (size_t i = 0; i < map.inputs.size(); ++i) {
      if (i) out_ += ", ";
      axes(map.inputs[i].axes);
    }
    out_ += " -> ";
    axes(map.result.axes);
    out_ += "}";
  }

  void dim(const Dim& d) {
    if (d.kind == Dim::Kind::Rest) {
      out_ += "..." + d.name;
      return;
    }
    if (d.kind == Dim::Kind::Bounded) out_ += d.name + (d.strict ? " < " : " <= ");
    expr(*d.expr);
  }

  void type(const TypeExpr& t) {
    if (t.isTuple) {
      out_ += "(";
      for (size_t i = 0; i < t.elements.size(); ++i) {
        if (i) out_ += ", ";
        type(t.elements[i]);
      }
      return close();
    }
    out_ += t.dtype.text;
    if (t.hasShape) {
      out_ += "[";
      for (size_t i = 0; i < t.shape.size(); ++i) {
        if (i) out_ += ", ";
        dim(t.shape[i]);
      }
      out_ += "]";
    }
    if (t.boundKind == TypeExpr::Bound::None) return;
    out_ += t.boundKind == TypeExpr::Bound::Less ? " < " : " <= ";
    expr(*t.bound);
  }

  void typed(const TypePtr& t) {
    if (!t) return;
    out_ += ": ";
    type(*t);
  }

  void params(const std::vector<ParamDecl>& list, const char* open, const char* close) {
    out_ += " " + std::string(open);
    for (size_t i = 0; i < list.size(); ++i) {
      if (i) out_ += ", ";
      out_ += list[i].name.text;
      typed(list[i].type);
      if (list[i].fallback) out_ += " = ", expr(*list[i].fallback);
    }
    out_ += close;
  }

  void pattern(const Pattern& p) {
    if (!p.isTuple()) {
      out_ += p.name;
      return;
    }
    out_ += "(";
    for (size_t i = 0; i < p.elements.size(); ++i) {
      if (i) out_ += " ";
      pattern(p.elements[i]);
    }
    close();
  }

  // ---- Definitions ----

  void use(const Use& u) {
    out_ += "(use";
    for (const Ident& part : u.path) out_ += " " + part.text;
    if (u.alias) out_ += " as " + u.alias.text;
    close();
  }

  void hyper(const Hyper& h) {
    out_ += "(hyper " + h.name.text;
    typed(h.type);
    out_ += " ";
    expr(*h.fallback);
    switch (h.domain) {
      case Hyper::Domain::None:
        break;
      case Hyper::Domain::Choices:
        out_ += " (choices";
        for (const ExprPtr& choice : h.choices) out_ += " ", expr(*choice);
        close();
        break;
      case Hyper::Domain::Range:
      case Hyper::Domain::LogRange:
        out_ += " ";
        form(h.domain == Hyper::Domain::Range ? "range" : "log", {h.lo.get(), h.hi.get()});
    }
    close();
  }

  void data(const Data& d) {
    out_ += "(data " + d.name.text + " " + d.reader.text;
    args(d.args);
    ++depth_;
    for (const StmtPtr& let : d.lets) stmtLine(*let);
    for (const Data::Field& f : d.fields) {
      newLine();
      out_ += "(field " + f.name.text;
      typed(f.type);
      out_ += " ";
      expr(*f.value);
      close();
    }
    --depth_;
    close();
  }

  void callable(const Callable& c) {
    out_ += std::string(c.exported ? "(export " : "(") + (c.isLayer ? "layer " : "fn ") + c.name.text;
    if (!c.staticParams.empty()) params(c.staticParams, "[", "]");
    params(c.params, "(", ")");
    if (c.result) out_ += " -> ", type(*c.result);
    block(c.body);
    close();
  }

  void train(const Train& t) {
    out_ += "(train " + t.name.text;
    if (t.data) out_ += " on ", expr(*t.data);
    args(t.settings);
    block(t.body);
    close();
  }

  template <class Binding>
  void binding(const char* word, const Binding& b) {
    out_ += "(" + std::string(word) + " ";
    pattern(b.pattern);
    typed(b.type);
    out_ += " ";
    expr(*b.value);
    close();
  }

  template <class Owned>
  void owned(const char* word, const Owned& o) {
    out_ += "(" + std::string(word) + " " + o.name.text;
    typed(o.type);
    out_ += " ";
    expr(*o.init);
    close();
  }

  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

std::string dumpAst(const File& file) {
  Dumper dumper;
  dumper.file(file);
  return dumper.take();
}

std::string dumpAst(const Expr& expr) {
  Dumper dumper;
  dumper.expr(expr);
  return dumper.take();
}

}  // namespace nnc::ast
