#include "frontend/format.h"

#include <algorithm>

#include "frontend/lex.h"
#include "frontend/parse.h"

namespace nnc {
namespace {

using antlr4::Token;

/// A token or comment, and what stands between it and the one before.
struct Piece {
  std::string text;
  size_t type = 0;
  bool newLine = false;       // starts a line
  bool blankLine = false;     // with an empty one before it
  bool semicolon = false;     // starts a statement on the line of the one before
  bool continuation = false;  // starts a line, but no statement
  bool keyword = false;       // a word of the language, no name
  bool unary = false;         // an operator with one operand
  bool tight = false;         // an operator without spaces around it
  bool notation = false;      // stands in shape notation
  bool statementStart = false;

  bool isComment() const { return type == NnLexer::COMMENT; }
};

size_t displayWidth(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// ---- From tokens to pieces
// -------------------------------------------------------------------------------------------

std::vector<Piece> collect(const LexedFile& lexed) {
  std::vector<Piece> pieces;
  size_t newlines = 0;
  bool semicolon = false, statementEnds = true;
  for (const auto& token : lexed.tokens) {
    std::string text(lexed.places.text(token.get()));
    const size_t type = token->getType();
    if (type == NnLexer::NL) {
      newlines += !text.empty() && text.back() == '\n';
      semicolon = semicolon || text == ";";
      statementEnds = statementEnds || token->getChannel() == Token::DEFAULT_CHANNEL;
    }
    if (type == NnLexer::NL || type == NnLexer::SPACE || text.empty()) continue;
    Piece piece;
    while (text.back() == ' ' || text.back() == '\t') text.pop_back();
    const bool afterOpener = !pieces.empty() && isOpener(pieces.back().type);
    piece.text = std::move(text);
    piece.type = type;
    piece.newLine = newlines > 0 || pieces.empty();
    piece.blankLine = newlines > 1 && !pieces.empty() && !afterOpener && !isCloser(type);
    piece.semicolon = semicolon && !piece.newLine && !afterOpener && type != NnLexer::RBRACE && !piece.isComment();
    piece.statementStart = statementEnds || (afterOpener && pieces.back().type == NnLexer::LBRACE);
    if (type == NnLexer::ELSE) piece.blankLine = false;
    piece.continuation = piece.newLine && !piece.statementStart;
    newlines = 0;
    semicolon = false;
    statementEnds = piece.isComment() && piece.statementStart;  // a comment leaves that to what follows it
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

/// A block with a line break in it has its braces at the ends of lines; an `else` behind it stands on the line of the
/// brace.
void openBlocks(std::vector<Piece>& pieces) {
  struct Block {
    size_t at;
    bool broken;
  };
  std::vector<Block> open;
  const auto startLine = [&](size_t i) {
    if (!pieces[i].isComment()) pieces[i].newLine = true, pieces[i].semicolon = false;
  };
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (isOpener(pieces[i].type)) open.push_back({i, false});
    if (open.empty()) continue;
    open.back().broken = open.back().broken || (pieces[i].newLine && open.back().at != i);
    if (!isCloser(pieces[i].type)) continue;
    if (open.back().broken && pieces[i].type == NnLexer::RBRACE) {
      startLine(open.back().at + 1), startLine(i);
      if (i + 1 < pieces.size() && pieces[i + 1].type == NnLexer::ELSE) pieces[i + 1].newLine = false;
    }
    open.pop_back();
  }
}

/// An `else` that starts a line stands below its `if`, where that starts a statement.
void alignElse(std::vector<Piece>& pieces) {
  std::vector<bool> ofStatement{false};  // for each open bracket: whether its last `if` started a statement
  for (size_t i = 0; i < pieces.size(); ++i) {
    Piece& piece = pieces[i];
    if (isOpener(piece.type)) ofStatement.push_back(false);
    if (isCloser(piece.type) && ofStatement.size() > 1) ofStatement.pop_back();
    const bool chained = i > 0 && pieces[i - 1].type == NnLexer::ELSE;
    if (piece.type == NnLexer::IF && !chained) ofStatement.back() = piece.statementStart;
    if (piece.type == NnLexer::ELSE && ofStatement.back()) piece.continuation = false;
  }
}

bool isKeyword(const std::vector<const Piece*>& words, size_t i) {
  const size_t type = words[i]->type;
  if (!isWord(type) || type == NnLexer::TRUE || type == NnLexer::FALSE || type == NnLexer::NAME) return false;
  if (!isSoftWord(type)) return true;
  const Piece* before = i > 0 ? words[i - 1] : nullptr;
  const Piece* after = i + 1 < words.size() ? words[i + 1] : nullptr;
  if (words[i]->statementStart) return after && isName(after->type) && !after->statementStart;
  return before && !before->keyword && endsOperand(before->type);
}

/// Finds out what each piece is from those around it.
void classify(std::vector<Piece>& pieces) {
  struct Open {
    bool notation, square, range;
    size_t at;
  };
  std::vector<const Piece*> words;
  std::vector<size_t> index;
  for (size_t i = 0; i < pieces.size(); ++i)
    if (!pieces[i].isComment()) words.push_back(&pieces[i]), index.push_back(i);
  std::vector<Open> open;
  std::vector<std::vector<size_t>> sums{{}};  // the + and - directly in each open bracket
  for (size_t w = 0; w < words.size(); ++w) {
    Piece& piece = pieces[index[w]];
    const Piece* before = w > 0 ? words[w - 1] : nullptr;
    piece.keyword = isKeyword(words, w);
    piece.notation = !open.empty() && open.back().notation;
    const bool operandBefore = before && endsOperand(before->type) && !before->keyword && !piece.statementStart;
    const size_t type = piece.type;
    piece.unary = type == NnLexer::MINUS && !operandBefore;
    const bool square = !open.empty() && open.back().square;
    if (type == NnLexer::CARET) piece.tight = true;
    if (type == NnLexer::STAR || type == NnLexer::SLASH || type == NnLexer::FLOORDIV || type == NnLexer::PERCENT)
      piece.tight = square;
    if ((type == NnLexer::PLUS || type == NnLexer::MINUS) && square) sums.back().push_back(index[w]);
    if (type == NnLexer::RANGE) {
      const auto isFloat = [](const Piece* p) { return p && p->type == NnLexer::FLOAT; };
      piece.tight = !isFloat(before) && !(w + 1 < words.size() && isFloat(words[w + 1]));
      if (square) open.back().range = true;
    }
    if (isOpener(type)) {
      const bool notation = type == NnParser::MAP || (type == NnLexer::LPAREN && piece.notation);
      open.push_back({notation, type == NnLexer::LBRACKET, false, index[w]});
      sums.emplace_back();
    } else if (isCloser(type) && !open.empty()) {
      for (const size_t sum : sums.back()) pieces[sum].tight = open.back().range;
      open.pop_back();
      sums.pop_back();
    }
  }
}

// ---- Spaces
// ----------------------------------------------------------------------------------------------------------

bool isOperator(const Piece& p) {
  return isBinaryOperator(p.type) || p.type == NnLexer::RANGE || p.type == NnLexer::ASSIGN ||
         p.type == NnLexer::ARROW || p.type == NnLexer::PIPE;
}

/// Whether a space stands between two pieces on one line.
bool spaceBetween(const Piece& a, const Piece& b) {
  if (b.semicolon) return true;
  if (a.type == NnLexer::LBRACE) return b.type != NnLexer::RBRACE;
  if (b.type == NnLexer::LBRACE || b.type == NnLexer::RBRACE) return true;
  if (isOpener(a.type) || isCloser(b.type) || b.type == NnLexer::COMMA || b.type == NnLexer::TICK) return false;
  if (a.type == NnLexer::COMMA || a.type == NnLexer::COLON) return true;
  if (b.type == NnLexer::COLON) return false;
  if (a.type == NnLexer::DOT || b.type == NnLexer::DOT || b.type == NnLexer::WILD || b.type == NnLexer::DEEPWILD)
    return false;
  if (a.unary) return false;
  if (a.tight || (b.tight && !a.keyword)) return false;
  if (isOperator(a) || isOperator(b) || a.type == NnLexer::NOT) return true;
  if (b.notation && b.type == NnLexer::LPAREN) return true;
  const bool bracket = b.type == NnLexer::LPAREN || b.type == NnLexer::LBRACKET || b.type == NnParser::MAP;
  if (bracket) return a.keyword && a.type != NnLexer::FN;
  return true;
}

// ---- Lines
// -----------------------------------------------------------------------------------------------------------

/// Puts the pieces on lines.
class Layout {
public:
  explicit Layout(std::vector<Piece>& pieces) : pieces_(pieces) {}

  std::string run() {
    size_t i = 0;
    while (i < pieces_.size()) {
      size_t end = i + 1;
      while (end < pieces_.size() && !pieces_[end].newLine) ++end;
      const size_t code = end - (pieces_[end - 1].isComment() && end - 1 > i);
      if (breakAt(i, code, indentOf(pieces_[i], pieces_[i].continuation)) != code && expandBlock(i, code)) continue;
      line(i, end);
      i = end;
    }
    alignComments();
    std::string text;
    for (const Line& l : lines_) {
      std::string row = std::string(l.code.empty() && l.comment.empty() ? 0 : l.indent, ' ') + l.code;
      if (!l.comment.empty()) row += std::string(l.code.empty() ? 0 : l.gap, ' ') + l.comment;
      text += row + "\n";
    }
    return text;
  }

private:
  struct Open {
    size_t type;
    size_t indent;  // of the line it stands on
  };
  struct Line {
    size_t indent = 0;
    std::string code;
    std::string comment;
    size_t gap = 2;
  };

  size_t indentOf(const Piece& first, bool continuation) const {
    if (open_.empty()) return continuation ? 2 : 0;
    const Open& top = open_.back();
    if (isCloser(first.type)) return top.indent;
    return top.indent + (continuation && top.type == NnLexer::LBRACE ? 4 : 2);
  }

  static std::string before(const Piece& a, const Piece& b) {
    return std::string(b.semicolon ? ";" : "") + (spaceBetween(a, b) ? " " : "");
  }

  /// Lays out the pieces that stand on one line in the text, on more than one if they do not fit.
  void line(size_t begin, size_t end) {
    if (pieces_[begin].blankLine) lines_.emplace_back();
    const size_t code = pieces_[end - 1].isComment() ? end - 1 : end;
    bool continuation = pieces_[begin].continuation;
    do {
      Line line;
      line.indent = indentOf(pieces_[begin], continuation);
      const size_t stop = breakAt(begin, code, line.indent);
      size_t indent = line.indent;
      for (size_t i = begin; i < stop; ++i) {
        if (i > begin) line.code += before(pieces_[i - 1], pieces_[i]);
        line.code += pieces_[i].text;
        bracket(pieces_[i], indent);
      }
      if (stop == code && code < end) line.comment = pieces_[code].text;
      lines_.push_back(std::move(line));
      begin = stop;
      continuation = true;
    } while (begin < code);
  }

  /// Gives the statements of the last outermost block that opens and closes on the line lines of their own.
  bool expandBlock(size_t begin, size_t end) {
    size_t open = end, close = end, depth = 0, start = end;
    for (size_t i = begin; i < end; ++i) {
      if (isOpener(pieces_[i].type) && depth++ == 0) start = i;
      if (isCloser(pieces_[i].type) && depth > 0 && --depth == 0 && pieces_[i].type == NnLexer::RBRACE && i > start + 1)
        open = start, close = i;
    }
    if (close == end) return false;
    pieces_[open + 1].newLine = pieces_[close].newLine = true;
    for (size_t i = open + 1; i < close; ++i) {
      if (isOpener(pieces_[i].type)) ++depth;
      if (isCloser(pieces_[i].type)) --depth;
      if (depth != 0 || !pieces_[i].semicolon) continue;
      pieces_[i].semicolon = false;
      pieces_[i].newLine = true;
    }
    return true;
  }

  /// `indent`: of the line; what follows a bracket that was opened on an earlier one belongs to that.
  void bracket(const Piece& piece, size_t& indent) {
    if (isOpener(piece.type)) {
      open_.push_back({piece.type, indent});
    } else if (isCloser(piece.type) && !open_.empty()) {
      indent = std::min(indent, open_.back().indent);
      open_.pop_back();
    }
  }

  /// Where to end a line that starts with piece `begin`: at `end` if that fits, else before the last piece that fits of
  /// those at the least bracket depth where a newline may stand.
  size_t breakAt(size_t begin, size_t end, size_t indent) const {
    size_t width = indent, best = end;
    int depth = 0, bestDepth = 0;
    std::vector<size_t> kinds;
    for (const Open& open : open_) kinds.push_back(open.type);
    for (size_t i = begin; i < end; ++i) {
      const Piece& piece = pieces_[i];
      const std::string space = i > begin ? before(pieces_[i - 1], piece) : "";
      const bool inline_ = !kinds.empty() && kinds.back() != NnLexer::LBRACE;
      if (i > begin && mayBreak(pieces_[i - 1], piece, inline_) && width > indent + 8 &&
          (best == end || depth <= bestDepth)) {
        best = i;
        bestDepth = depth;
      }
      width += space.size() + displayWidth(piece.text);
      if (width > kMaxColumns) return best;
      if (isOpener(piece.type))
        ++depth, kinds.push_back(piece.type);
      else if (isCloser(piece.type) && !kinds.empty())
        --depth, kinds.pop_back();
    }
    return end;
  }

  /// Whether a newline between the two would not end a statement and reads well.
  static bool mayBreak(const Piece& a, const Piece& b, bool insideBrackets) {
    if (b.type == NnLexer::PIPE) return true;
    if (a.type == NnLexer::COMMA) return insideBrackets && !b.notation;
    if (a.tight || a.unary || b.notation) return false;
    return isBinaryOperator(a.type) || (a.type == NnLexer::ASSIGN && !insideBrackets);
  }

  /// Trailing comments of consecutive lines start in one column.
  void alignComments() {
    const auto trailing = [this](size_t i) {
      return i < lines_.size() && !lines_[i].code.empty() && !lines_[i].comment.empty();
    };
    const auto width = [this](size_t i) { return lines_[i].indent + displayWidth(lines_[i].code); };
    for (size_t begin = 0; begin < lines_.size(); ++begin) {
      size_t end = begin, column = 0;
      for (; trailing(end); ++end) column = std::max(column, width(end) + 2);
      for (; begin < end; ++begin) lines_[begin].gap = column - width(begin);
    }
  }

  std::vector<Piece>& pieces_;
  std::vector<Open> open_;
  std::vector<Line> lines_;
};

}  // namespace

std::optional<std::string> formatFile(uint32_t fileId, const SourceManager& sources, Diagnostics& diagnostics) {
  const size_t errorsBefore = diagnostics.errorCount();
  parseFile(fileId, sources, diagnostics);
  if (diagnostics.errorCount() != errorsBefore) return std::nullopt;
  SyntaxErrors errors(diagnostics);
  const auto lexed = lexFile(fileId, sources, errors);
  std::vector<Piece> pieces = collect(*lexed);
  openBlocks(pieces);
  alignElse(pieces);
  classify(pieces);
  return Layout(pieces).run();
}

}  // namespace nnc
