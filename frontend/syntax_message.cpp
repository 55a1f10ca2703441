#include "frontend/syntax_message.h"

#include <fmt/format.h>

#include "frontend/token_kinds.h"

namespace nnc {
namespace {

using antlr4::Token;

/// Words that open a statement or stand for a value in other languages.
struct ForeignWord {
  std::string_view word;
  const char* help;
};
constexpr ForeignWord kForeignWords[] = {
    {"return", "a block's value is the expression that stands last in it"},
    {"def", "a function is declared with `fn`, a layer with `layer`"},
    {"func", "a function is declared with `fn`"},
    {"function", "a function is declared with `fn`"},
    {"class", "what owns parameters is declared with `layer`"},
    {"model", "what owns parameters is declared with `layer`; `let net = …` makes an instance"},
    {"const", "a value is declared with `let`"},
    {"while", "the one loop is `for i in n { … }`"},
    {"import", "another file is named by `use`"},
    {"elif", "write `else if`"},
    {"lambda", "a function without a name is written `fn(x) { … }`"},
};

/// The visible tokens around the place of the error.
class Situation {
public:
  Situation(antlr4::Parser& parser, const antlr4::RecognitionException& error, const Places& places,
            SyntaxErrors& errors)
      : parser_(parser),
        places_(places),
        errors_(errors),
        stream_(*parser.getTokenStream()),
        found_(error.getOffendingToken()),
        rule_(parser.getContext()->getRuleIndex()) {
    previous_ = visibleBefore(found_->getTokenIndex());
    first_ = statementStart();
    try {
      expected_ = parser.getExpectedTokens();
    } catch (const std::exception&) {  // the state of a failed prediction may have no followers of its own
    }
  }

  void report() {
    if (foreignWord() || missingLet() || typeAfterEquals() || comparisonWithEquals() || sliceWithColon() ||
        quotedWithTicks() || commentWithSlashes() || reservedWord() || missingBlock() || operatorAfterStage() ||
        missingPipe())
      return;
    generic();
  }

private:
  // ---- Looking around ----

  const Token* visibleBefore(size_t index) const {
    while (index-- > 0) {
      const Token* token = stream_.get(index);
      if (token->getChannel() == Token::DEFAULT_CHANNEL) return token;
    }
    return nullptr;
  }
  const Token* visibleAfter(const Token* token) const {
    if (token->getType() == Token::EOF) return token;
    for (size_t i = token->getTokenIndex() + 1; i < stream_.size(); ++i)
      if (stream_.get(i)->getChannel() == Token::DEFAULT_CHANNEL) return stream_.get(i);
    return token;
  }
  const Token* statementStart() const {
    const antlr4::tree::ParseTree* node = parser_.getContext();
    for (; node; node = node->parent) {
      const auto* context = dynamic_cast<const antlr4::ParserRuleContext*>(node);
      if (!context) break;
      const size_t rule = context->getRuleIndex();
      if (rule == NnParser::RuleStatement || rule == NnParser::RuleDataLine) return context->start;
    }
    return nullptr;
  }
  bool within(size_t rule) const {
    const antlr4::tree::ParseTree* node = parser_.getContext();
    for (; node; node = node->parent) {
      const auto* context = dynamic_cast<const antlr4::ParserRuleContext*>(node);
      if (!context || context->getRuleIndex() == NnParser::RuleStatement) return false;
      if (context->getRuleIndex() == rule) return true;
    }
    return false;
  }
  size_t found() const { return found_->getType(); }
  size_t previous() const { return previous_ ? previous_->getType() : size_t{NnLexer::NL}; }
  bool atLineEnd() const { return found() == NnLexer::NL || found() == Token::EOF || found() == NnLexer::RBRACE; }
  /// An error at a line's end is shown behind what stands last on it.
  Loc place() const {
    const bool nextLine = previous_ && places_.lineOf(found_) != places_.lineOf(previous_);
    return previous_ && (atLineEnd() || nextLine) ? places_.after(previous_) : places_.of(found_);
  }
  std::string show(const Token* token) const {
    switch (token->getType()) {
      case Token::EOF:
        return "the end of the file";
      case NnLexer::NL:
        return "the end of the statement";
      default:
        return fmt::format("`{}`", places_.text(token).empty() ? "}" : places_.text(token));
    }
  }
  bool valueExpected() const {
    return expected_.contains(static_cast<ssize_t>(NnLexer::INT)) &&
           expected_.contains(static_cast<ssize_t>(NnLexer::LPAREN));
  }
  bool expects(size_t type) const { return expected_.contains(static_cast<ssize_t>(type)); }

  // ---- Mistakes that are made often ----

  bool foreignWord() {
    if (!first_ || first_->getType() != NnLexer::NAME) return false;
    for (const ForeignWord& foreign : kForeignWords) {
      if (places_.text(first_) != foreign.word) continue;
      errors_
          .report(DiagCode::ForeignWord, places_.of(first_),
                  fmt::format("`{}` is no word of the language", foreign.word))
          .help(foreign.help);
      return true;
    }
    return false;
  }

  /// `h: [B, n] = x`
  bool missingLet() {
    if (!first_ || !isName(first_->getType()) || rule_ == NnParser::RuleDataLine || within(NnParser::RuleDataLine))
      return false;
    const Token* colon = visibleAfter(first_);
    if (colon->getType() != NnLexer::COLON || previous_ != colon || found() != NnLexer::LBRACKET) return false;
    errors_
        .report(DiagCode::MissingLet, places_.of(first_),
                fmt::format("the declaration of `{}` lacks its word", places_.text(first_)))
        .help(fmt::format("write `let {0}: …`, or `var {0}: …` if it is assigned later", places_.text(first_)));
    return true;
  }

  /// `param w = [D, n] = glorot`, `x = [B, C]` among parameters, `let x = f32[3] = 0`
  bool typeAfterEquals() {
    const bool shape = previous() == NnLexer::ASSIGN && (found() == NnLexer::LBRACKET || found() == NnParser::MAP);
    const bool second = found() == NnLexer::ASSIGN && first_ && startsDeclaration() && hasAssignBefore();
    if (!shape && !second) return false;
    errors_
        .report(DiagCode::EqualsForColon, places_.of(shape ? previous_ : found_),
                shape ? "a shape cannot stand as a value" : "this declaration already has its `=`")
        .help("a type follows `:` and a value follows `=`, as in `w: [D, n] = glorot`");
    return true;
  }
  bool startsDeclaration() const {
    switch (first_->getType()) {
      case NnLexer::LET:
      case NnLexer::VAR:
      case NnLexer::STATE:
      case NnLexer::PARAM:
      case NnLexer::HYPER:
        return true;
      default:
        return rule_ == NnParser::RuleDataLine;
    }
  }
  bool hasAssignBefore() const {
    for (const Token* t = first_; t != found_ && t->getType() != Token::EOF; t = visibleAfter(t))
      if (t->getType() == NnLexer::ASSIGN) return true;
    return false;
  }

  bool comparisonWithEquals() {
    if (found() != NnLexer::ASSIGN || !(expects(NnLexer::LBRACE) || rule_ == NnParser::RuleParens)) return false;
    errors_.report(DiagCode::AssignForCompare, places_.of(found_), "`=` does not compare").help("write `==`");
    return true;
  }

  /// `x[1:]`, `x[:3]`
  bool sliceWithColon() {
    const bool open = previous() == NnLexer::COLON && found() == NnLexer::RBRACKET;
    const bool end = previous() == NnLexer::COLON && startsOperand(found()) && rule_ == NnParser::RuleTrailer;
    if (!open && !end) return false;
    errors_.report(DiagCode::ColonForEquals, places_.of(previous_), "a slice is not written with `:`")
        .help("write `a..b`, `a..` or `..b`; `:` alone is the whole axis");
    return true;
  }

  bool quotedWithTicks() {
    if (found() != NnLexer::TICK || !valueExpected()) return false;
    errors_.report(DiagCode::UnexpectedCharacter, places_.of(found_), "`'` transposes and does not quote")
        .help("write a string as \"…\"");
    return true;
  }

  bool commentWithSlashes() {
    if (found() != NnLexer::FLOORDIV) return false;
    errors_.report(DiagCode::SyntaxError, places_.of(found_), "`//` is floor division and has no left operand here")
        .help("a comment starts with `#`");
    return true;
  }

  /// `let state = 3`
  bool reservedWord() {
    const size_t type = found();
    if (!isWord(type) || isName(type) || !expects(NnLexer::NAME)) return false;
    if ((type == NnLexer::IF || type == NnLexer::FOR) && valueExpected()) return false;
    if (previous_ && places_.lineOf(previous_) != places_.lineOf(found_)) return false;
    Diagnostic& d =
        errors_.report(DiagCode::ReservedWord, places_.of(found_),
                       fmt::format("`{}` is a word of the language and cannot be a name", places_.text(found_)));
    if (type == NnLexer::FN && previous() == NnLexer::PIPE)
      d.help("what stands right of `|>` is called by its name: `let f = fn(x) { … }`, then `x |> f`");
    return true;
  }

  bool missingBlock() {
    if (!expects(NnLexer::LBRACE) || expects(NnLexer::NL) || found() == NnLexer::COMMA || isCloser(found()))
      return false;
    const Token* colon = colonAtLineEnd();
    errors_
        .report(DiagCode::MissingBlock, colon ? places_.of(colon) : place(),
                fmt::format("`{{` is expected here, not {}", show(colon ? colon : found_)))
        .help("a body stands in `{ }`");
    return true;
  }
  /// The colon of `if x > 0:`, if there is one before the place.
  const Token* colonAtLineEnd() const {
    for (const Token* t = first_; t && t != found_ && t->getType() != Token::EOF; t = visibleAfter(t))
      if (t->getType() == NnLexer::COLON && places_.lineOf(visibleAfter(t)) > places_.lineOf(t)) return t;
    return nullptr;
  }

  /// `x |> f + 1`
  bool operatorAfterStage() {
    if (!isBinaryOperator(found()) && found() != NnLexer::RANGE) return false;
    if (!endsOperand(previous()) || !inPipe()) return false;
    errors_.report(DiagCode::SyntaxError, places_.of(found_), fmt::format("{} cannot follow a pipe", show(found_)))
        .help("put the pipe in parentheses: `(x |> f) + y`");
    return true;
  }

  /// Whether a `|>` stands before the place, in no brackets but those that the place is in, too.
  bool inPipe() const {
    std::vector<bool> pipes{false};  // of each level of brackets
    for (const Token* t = first_; t && t != found_ && t->getType() != Token::EOF; t = visibleAfter(t)) {
      if (isOpener(t->getType())) pipes.push_back(false);
      if (isCloser(t->getType()) && pipes.size() > 1) pipes.pop_back();
      if (t->getType() == NnLexer::PIPE || t->getType() == NnLexer::COMMA) pipes.back() = t->getType() == NnLexer::PIPE;
    }
    return pipes.back();
  }

  /// `x dense[10]`, `f(x y)`
  bool missingPipe() {
    const bool sameLine = previous_ && places_.lineOf(previous_) == places_.lineOf(found_);
    const bool afterValue =
        expects(NnLexer::NL) || expects(NnLexer::COMMA) || expects(NnLexer::RPAREN) || expects(NnLexer::RBRACKET);
    const bool header = first_ && (first_->getType() == NnLexer::USE || first_->getType() == NnLexer::SEARCH);
    if (!sameLine || !endsOperand(previous()) || !startsOperand(found()) || !afterValue || header) return false;
    Diagnostic& d = errors_.report(DiagCode::MissingPipe, places_.of(found_),
                                   fmt::format("nothing stands between {} and {}", show(previous_), show(found_)));
    if (floorDivisionOnLine())
      d.help("a comment starts with `#`; `//` is floor division");
    else if (expects(NnLexer::NL))
      d.help("`|>` feeds a value to a call, `( )` applies one, a new line starts a statement");
    else
      d.help("a comma separates values, `|>` feeds one to a call, `( )` applies one");
    return true;
  }
  bool floorDivisionOnLine() const {
    for (const Token* t = first_; t && t != found_ && t->getType() != Token::EOF; t = visibleAfter(t))
      if (t->getType() == NnLexer::FLOORDIV && places_.lineOf(t) == places_.lineOf(found_)) return true;
    return false;
  }

  // ---- Everything else ----

  void generic() {
    std::string wanted = "";
    if (valueExpected())
      wanted = "an expression";
    else if (rule_ == NnParser::RuleType)
      wanted = "a type";
    else
      wanted = expectedList();
    const std::string after = previous_ && previous() != NnLexer::NL ? " after " + show(previous_) : "";
    std::string message = wanted.empty() ? fmt::format("{} does not fit{}", show(found_), after)
                                         : fmt::format("{} is expected{}, not {}", wanted, after, show(found_));
    errors_.report(DiagCode::SyntaxError, place(), std::move(message));
  }

  /// "`,` or `)`" if few tokens could stand here, else nothing.
  std::string expectedList() const {
    std::vector<std::string> list;
    bool name = false;
    for (const ssize_t type : expected_.toList()) {
      if (isName(static_cast<size_t>(type))) {
        name = true;
      } else if (type == NnLexer::NL) {
        list.push_back("the end of the statement");
      } else {
        std::string literal = parser_.getVocabulary().getLiteralName(static_cast<size_t>(type));
        if (literal.size() > 2) list.push_back("`" + literal.substr(1, literal.size() - 2) + "`");
      }
    }
    if (name) list.insert(list.begin(), "a name");
    if (list.empty() || list.size() > 4) return "";
    std::string text = list.front();
    for (size_t i = 1; i < list.size(); ++i) text += (i + 1 == list.size() ? " or " : ", ") + list[i];
    return text;
  }

  antlr4::Parser& parser_;
  const Places& places_;
  SyntaxErrors& errors_;
  antlr4::TokenStream& stream_;
  const Token* found_;
  const Token* previous_ = nullptr;
  const Token* first_ = nullptr;  // of the innermost statement
  size_t rule_;
  antlr4::misc::IntervalSet expected_;
};

}  // namespace

void reportSyntaxError(antlr4::Parser& parser, const antlr4::RecognitionException& error, const Places& places,
                       SyntaxErrors& errors) {
  Situation(parser, error, places, errors).report();
}

}  // namespace nnc
