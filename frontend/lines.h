// The pass over the tokens between lexer and parser. It decides which newlines end a statement and balances the
// brackets, so that the grammar can say `statement: … NL` and never meets an unclosed bracket. A missing bracket is
// reported once, at its opener, and the statements around it still parse.
//
// A newline (or `;`) ends a statement, except inside ( ) and [ ] (the innermost bracket decides), after an opener, a
// comma,
// `=` `:` `->` `|>` or a binary operator, and before a closer, `|>`, `->` or `else`. A statement before `}` or at the
// end of the file ends without one.
#pragma once

#include <memory>
#include <vector>

#include "frontend/places.h"
#include "frontend/syntax_errors.h"

namespace nnc {

inline constexpr size_t kMaxBracketDepth = 200;
/// Unary operators, powers, `if` and `for`, which nest without brackets, counted through all open brackets.
inline constexpr size_t kMaxPrefixDepth = 500;

using TokenVector = std::vector<std::unique_ptr<antlr4::Token>>;

/// Takes all tokens of a file (without the end) and returns them as the grammar wants them; newlines that do not count
/// stay in the list, hidden. Returns false if the text nests deeper than the parser's stack allows (reported): do not
/// parse.
bool prepareLines(TokenVector& tokens, const Places& places, SyntaxErrors& errors);

}  // namespace nnc
