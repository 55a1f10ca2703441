// The sentence for a place where the parser could not go on: what was expected there, or, where the mistake is one that
// is made often, what to write instead.
#pragma once

#include "frontend/places.h"
#include "frontend/syntax_errors.h"

namespace nnc {

void reportSyntaxError(antlr4::Parser& parser, const antlr4::RecognitionException& error, const Places& places,
                       SyntaxErrors& errors);

}  // namespace nnc
