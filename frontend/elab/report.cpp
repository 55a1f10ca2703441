// Mistakes and their places. What goes wrong inside the library is shown at the user's call, with the library's line as
// a note; what goes wrong inside the user's own functions gets a note for each call on the way there.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

namespace nnc::elab {

namespace {
constexpr size_t kMaxCallNotes = 4;
constexpr size_t kMaxListed = 8;  // of the names there are, where none is near
}  // namespace

Loc Elaborator::userLoc(Loc at) const {
  if (at && !sources_.isLibrary(at.file)) return at;
  for (auto it = calls_.rbegin(); it != calls_.rend(); ++it)
    if (it->at && !sources_.isLibrary(it->at.file)) return it->at;
  return at;
}

Diagnostic& Elaborator::error(DiagCode code, Loc at, std::string message) {
  const bool mismatch =
      code == DiagCode::AxisMismatch || code == DiagCode::BroadcastMismatch || code == DiagCode::ContractMismatch;
  if (rigid_ && mismatch && !certain_) throw Reported{};
  certain_ = false;
  const Loc user = userLoc(at);
  Diagnostic& d = diagnostics_.error(code, user, std::move(message));
  if (user != at && at) d.note(at, "it happens in the library");
  size_t notes = 0;
  for (auto it = calls_.rbegin(); it != calls_.rend() && notes < kMaxCallNotes; ++it) {
    if (!it->at || sources_.isLibrary(it->at.file) || it->at == user) continue;
    d.note(it->at, fmt::format("`{}` is applied", it->name));
    ++notes;
  }
  return d;
}

void Elaborator::fail(DiagCode code, Loc at, std::string message) {
  error(code, at, std::move(message));
  throw Reported{};
}

void Elaborator::failUnknown(DiagCode code, Loc at, const std::string& what, const std::string& name,
                             const std::vector<std::string>& candidates) {
  Diagnostic& d = error(code, at, fmt::format("there is no {} `{}`", what, name));
  if (const std::string nearest = nearestName(name, candidates); !nearest.empty())
    d.help(fmt::format("did you mean `{}`?", nearest));
  else if (!candidates.empty() && candidates.size() <= kMaxListed)
    d.help(fmt::format("there {} `{}`", candidates.size() == 1 ? "is" : "are", fmt::join(candidates, "`, `")));
  throw Reported{};
}

}  // namespace nnc::elab
