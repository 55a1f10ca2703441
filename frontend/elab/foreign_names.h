// Names that other languages and libraries have for what is called otherwise here.
#pragma once

#include <string>

namespace nnc::elab {

/// What to write instead of a name that nothing defines; empty if that is not known. Names of the library are found in
/// its comments: "Also called `a`, `b`." above a definition.
std::string foreignNameHelp(const std::string& name);

}  // namespace nnc::elab
