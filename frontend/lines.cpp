#include "frontend/lines.h"

#include <optional>

#include <fmt/format.h>

#include "frontend/token_kinds.h"

namespace nnc {
namespace {

using antlr4::CommonToken;
using antlr4::Token;

CommonToken* writable(Token* token) {
  return static_cast<CommonToken*>(token);
}

/// What to write instead of an operator of another language, and the token to go on with.
struct Foreign {
  std::string_view text;
  size_t type;
  const char* help;
};
constexpr Foreign kForeign[] = {
    {"**", NnLexer::CARET, "power is written `^`"},
    {"+=", NnLexer::ASSIGN, "write the sum out: `x = x + …`"},
    {"-=", NnLexer::ASSIGN, "write the difference out: `x = x - …`"},
    {"*=", NnLexer::ASSIGN, "write the product out: `x = x * …`"},
    {"/=", NnLexer::ASSIGN, "write the quotient out: `x = x / …`"},
    {"&&", NnLexer::AND, "write `and`"},
    {"||", NnLexer::OR, "write `or`"},
    {"!", NnLexer::NOT, "write `not`"},
    {"=>", NnLexer::ARROW, "write `->`"},
    {"|", NnLexer::PIPE, "a pipe is written `|>`, a logical or `or`"},
};

class LinePass {
public:
  LinePass(TokenVector& tokens, const Places& places, SyntaxErrors& errors)
      : in_(tokens), places_(places), errors_(errors) {}

  bool run() {
    for (size_t i = 0; i < in_.size(); ++i) {
      CommonToken* token = writable(in_[i].get());
      const size_t type = token->getType();
      if (token->getChannel() == Token::HIDDEN_CHANNEL) {
        out_.push_back(std::move(in_[i]));
      } else if (type == NnLexer::NL || type == NnLexer::SEMICOLON) {
        newline(std::move(in_[i]));
      } else if (type == NnLexer::BAD) {
        errors_.report(DiagCode::UnexpectedCharacter, places_.of(token),
                       fmt::format("`{}` is not part of the language", places_.text(token)));
        hide(std::move(in_[i]));
      } else if (!visible(i)) {
        return false;
      }
    }
    closeAll();
    endStatement();
    in_ = std::move(out_);
    return true;
  }

private:
  struct Open {
    CommonToken* token;
    bool startsLine;  // nothing but blanks before it on its line
    uint32_t indent;  // of its line
    size_t prefixes;  // prefixDepth_ at the start of the statement that it stands in
  };

  // ---- The stream ----

  size_t previousType() const { return previous_ ? previous_->getType() : size_t{NnLexer::NL}; }

  void hide(std::unique_ptr<Token> token) {
    writable(token.get())->setChannel(Token::HIDDEN_CHANNEL);
    out_.push_back(std::move(token));
  }

  void emit(std::unique_ptr<Token> token) {
    previous_ = writable(token.get());
    out_.push_back(std::move(token));
    forgetNewlines();
  }

  void forgetNewlines() {
    firstNewline_.reset();
    semicolon_ = false;
  }

  /// Puts a token that is not in the text behind the last visible one, before any newlines that wait to be decided on.
  void insert(size_t type) {
    auto token = std::make_unique<CommonToken>(type);
    const size_t end = previous_ ? previous_->getStopIndex() + 1 : 0;
    token->setStartIndex(end);
    token->setStopIndex(end - 1);
    previous_ = token.get();
    const size_t at = firstNewline_.value_or(out_.size());
    out_.insert(out_.begin() + static_cast<ptrdiff_t>(at), std::move(token));
    if (firstNewline_) ++*firstNewline_;
  }

  // ---- Newlines ----

  /// Keeps a newline, hidden, until the next visible token tells whether it ends a statement.
  void newline(std::unique_ptr<Token> token) {
    lineHasToken_ = lineHasToken_ && token->getType() != NnLexer::NL;
    semicolon_ = semicolon_ || token->getType() == NnLexer::SEMICOLON;
    writable(token.get())->setType(NnLexer::NL);
    if (!firstNewline_) firstNewline_ = out_.size();
    hide(std::move(token));
  }

  bool newlineCounts(size_t next) const {
    if (!firstNewline_ || !previous_ || previousType() == NnLexer::NL) return false;
    if (semicolon_) return previousType() != NnLexer::LBRACE;
    if (!open_.empty() && open_.back().token->getType() != NnLexer::LBRACE) return false;
    if (isOpener(previousType())) return false;
    if (isStatementWord(next)) return true;
    switch (previousType()) {
      case NnLexer::COMMA:
      case NnLexer::ASSIGN:
      case NnLexer::COLON:
      case NnLexer::ARROW:
      case NnLexer::PIPE:
      case NnLexer::NOT:
        return false;
      default:
        if (isBinaryOperator(previousType())) return false;
    }
    return !isCloser(next) && next != NnLexer::PIPE && next != NnLexer::ARROW && next != NnLexer::ELSE;
  }

  /// Makes sure a statement has its end before `}` and at the end of the file.
  void endStatement() {
    if (previous_ && previousType() != NnLexer::NL && previousType() != NnLexer::LBRACE) insert(NnLexer::NL);
  }

  /// Turns the first waiting newline into the end of the statement.
  void showNewline() {
    CommonToken* token = writable(out_[*firstNewline_].get());
    token->setChannel(Token::DEFAULT_CHANNEL);
    previous_ = token;
    prefixDepth_ = statementPrefixes_;
    forgetNewlines();
  }

  // ---- Visible tokens ----

  bool visible(size_t i) {
    CommonToken* token = writable(in_[i].get());
    if (token->getType() == NnLexer::FOREIGN) replaceForeign(token);
    if (token->getType() == NnLexer::OPENSTRING) {
      errors_.report(DiagCode::UnclosedString, places_.of(token), "the string is not closed on its line")
          .help("end it with `\"`");
      token->setType(NnLexer::STRING);
    }
    const size_t type = token->getType();
    const bool startsLine = !lineHasToken_;
    if (startsLine) lineIndent_ = places_.of(token).column;
    lineHasToken_ = true;

    if (startsLine && lineIndent_ == 1 && startsDefinition(i))
      closeAll();
    else if (startsStatement(i))
      closeInlineBrackets(startsLine);
    if (isCloser(type)) return closer(std::move(in_[i]), startsLine), true;
    if (newlineCounts(type)) showNewline();
    if (type == NnLexer::ARROW && !open_.empty() && open_.back().token->getType() == NnLexer::LBRACKET)
      open_.back().token->setType(NnParser::MAP);
    if (nestsWithoutBrackets(type)) ++prefixDepth_;
    if (open_.size() == kMaxBracketDepth || prefixDepth_ > kMaxPrefixDepth) {
      errors_.report(DiagCode::NestedTooDeep, places_.of(token), "the text nests too deep here")
          .help("name a part of it with `let`");
      return false;
    }
    if (isOpener(type)) {
      open_.push_back({token, startsLine, lineIndent_, statementPrefixes_});
      statementPrefixes_ = prefixDepth_;
    }
    emit(std::move(in_[i]));
    return true;
  }

  bool nestsWithoutBrackets(size_t type) const {
    switch (type) {
      case NnLexer::NOT:
      case NnLexer::CARET:
      case NnLexer::IF:
      case NnLexer::FOR:
      case NnLexer::EVERY:
        return true;
      case NnLexer::MINUS:
        return !endsOperand(previousType());
      default:
        return false;
    }
  }

  void replaceForeign(CommonToken* token) {
    for (const Foreign& foreign : kForeign) {
      if (places_.text(token) != foreign.text) continue;
      errors_
          .report(DiagCode::ForeignOperator, places_.of(token),
                  fmt::format("`{}` is no operator of the language", foreign.text))
          .help(foreign.help);
      token->setType(foreign.type);
    }
  }

  size_t nextVisibleType(size_t i) const {
    for (++i; i < in_.size(); ++i)
      if (in_[i]->getChannel() != Token::HIDDEN_CHANNEL) return in_[i]->getType();
    return Token::EOF;
  }

  bool startsDefinition(size_t i) const {
    switch (in_[i]->getType()) {
      case NnLexer::USE:
      case NnLexer::HYPER:
      case NnLexer::LAYER:
      case NnLexer::EXPORT:
        return true;
      case NnLexer::FN:
      case NnLexer::DATA:
      case NnLexer::TRAIN:
      case NnLexer::SEARCH:
        return isName(nextVisibleType(i));
      default:
        return false;
    }
  }

  bool startsStatement(size_t i) const {
    const size_t type = in_[i]->getType();
    return isStatementWord(type) || (type == NnLexer::METRIC && isName(nextVisibleType(i)));
  }

  // ---- Brackets ----

  void reportUnclosed(const Open& open, std::optional<Loc> found = std::nullopt) {
    Diagnostic& d = errors_.report(DiagCode::UnclosedBracket, places_.of(open.token),
                                   fmt::format("this `{}` is not closed", places_.text(open.token)));
    if (found) d.label(*found, "closed by another kind, or a closer is missing before this");
    const uint32_t last = found ? found->line : previous_ ? places_.lineOf(previous_) : 0;
    errors_.mute(places_.lineOf(open.token), last);
  }

  void pop() {
    prefixDepth_ = statementPrefixes_;
    statementPrefixes_ = open_.back().prefixes;
    open_.pop_back();
  }

  /// Closes the innermost bracket where the last visible token ends.
  void closeTop() {
    const size_t type = closerOf(open_.back().token->getType());
    pop();
    if (type == NnLexer::RBRACE) endStatement();
    insert(type);
  }

  /// At a definition in column 1 and at the end of the file nothing is open: blames the brace whose closer stood
  /// further left than itself, if there is one, else the innermost bracket.
  void closeAll() {
    if (!open_.empty()) {
      const bool brace = open_.back().token->getType() == NnLexer::LBRACE;
      reportUnclosed(brace && suspect_ ? *suspect_ : open_.back());
      while (!open_.empty()) closeTop();
    }
    suspect_.reset();
    strayBrace_ = false;
  }

  /// A statement cannot start inside ( ) or [ ]: those still open lack their closers.
  void closeInlineBrackets(bool startsLine) {
    if (open_.empty() || open_.back().token->getType() == NnLexer::LBRACE || !startsLine) return;
    reportUnclosed(open_.back());
    while (!open_.empty() && open_.back().token->getType() != NnLexer::LBRACE) closeTop();
  }

  bool isOpen(size_t closer) const {
    for (const Open& open : open_)
      if (closerOf(open.token->getType()) == closer) return true;
    return false;
  }

  void closer(std::unique_ptr<Token> token, bool startsLine) {
    const size_t type = token->getType();
    const Loc at = places_.of(token.get());
    const bool insideBrace = !open_.empty() && open_.back().token->getType() == NnLexer::LBRACE;
    if (!isOpen(type) || (insideBrace && type != NnLexer::RBRACE)) {
      if (!open_.empty() && !insideBrace) return closeWithOtherKind(std::move(token), at);
      return stray(std::move(token), at);
    }
    if (closerOf(open_.back().token->getType()) != type) {
      reportUnclosed(open_.back(), at);
      while (closerOf(open_.back().token->getType()) != type) closeTop();
    }
    if (type == NnLexer::RBRACE) {
      const Open& open = open_.back();
      if (startsLine && lineIndent_ < open.indent && !suspect_) suspect_ = open;
      if (newlineCounts(NnLexer::LET)) showNewline();
      endStatement();
    }
    pop();
    emit(std::move(token));
  }

  /// `f[a)` with no `(` open: the closer is the wrong one.
  void closeWithOtherKind(std::unique_ptr<Token> token, const Loc& at) {
    reportUnclosed(open_.back(), at);
    writable(token.get())->setType(closerOf(open_.back().token->getType()));
    pop();
    emit(std::move(token));
  }

  void stray(std::unique_ptr<Token> token, const Loc& at) {
    const bool brace = token->getType() == NnLexer::RBRACE;
    if (!(brace && strayBrace_))  // one brace too many makes that of each enclosing block one too many
      errors_.report(DiagCode::StrayBracket, at, fmt::format("this `{}` closes nothing", places_.text(token.get())))
          .help("remove it, or open it before");
    strayBrace_ = strayBrace_ || brace;
    hide(std::move(token));
  }

  TokenVector& in_;
  const Places& places_;
  SyntaxErrors& errors_;
  TokenVector out_;
  CommonToken* previous_ = nullptr;     // the last visible token
  std::optional<size_t> firstNewline_;  // in out_: the first newline since then
  bool semicolon_ = false;              // one of them was a `;`
  size_t prefixDepth_ = 0;              // see kMaxPrefixDepth
  size_t statementPrefixes_ = 0;        // its value at the start of this statement
  bool lineHasToken_ = false;
  uint32_t lineIndent_ = 1;  // column of the line's first visible token
  std::vector<Open> open_;
  std::optional<Open> suspect_;  // a brace since the last definition whose closer stands left of its line
  bool strayBrace_ = false;      // a `}` since the last definition closed nothing
};

}  // namespace

bool prepareLines(TokenVector& tokens, const Places& places, SyntaxErrors& errors) {
  return LinePass(tokens, places, errors).run();
}

}  // namespace nnc
