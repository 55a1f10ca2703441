#include "plan/verify_coverage.h"

#include <algorithm>

#include "plan/verify_index.h"

namespace nnc::plan {

bool Coverage::isWhole(BufId b, const std::vector<Piece>& pieces) const {
  if (std::any_of(pieces.begin(), pieces.end(), [this](const Piece& p) { return fillsAlone(p); })) return true;
  const int64_t count = view_.count(b);
  int64_t most = 0;  // that they can write
  for (const Piece& p : pieces) most += p.store->accumulate ? 0 : view_.pointsOf(view_.kernelOf(*p.launch), *p.stage);
  if (most < count) return false;
  if (count > kMostElements) return true;
  std::vector<bool> written(static_cast<size_t>(count), false);
  for (const Piece& p : pieces)
    if (const auto elements = elementsOf(p))
      for (size_t i = 0; i < written.size(); ++i) written[i] = written[i] || (*elements)[i];
  return std::find(written.begin(), written.end(), false) == written.end();
}

bool Coverage::areApart(const Piece& a, const Piece& b) const {
  const auto x = elementsOf(a), y = elementsOf(b);
  if (!x || !y) return true;
  for (size_t i = 0; i < x->size(); ++i)
    if ((*x)[i] && (*y)[i]) return false;
  return true;
}

/// Its points write different elements, and are as many as the buffer has.
bool Coverage::fillsAlone(const Piece& p) const {
  const bool plain = std::all_of(p.store->index.terms.begin(), p.store->index.terms.end(),
                                 [](const auto& term) { return term.first.kind == Atom::Kind::Iter; });
  return plain && p.store->guards.empty() && !p.store->accumulate &&
         view_.pointsOf(view_.kernelOf(*p.launch), *p.stage) == view_.count(p.buffer);
}

std::optional<std::vector<bool>> Coverage::elementsOf(const Piece& p) const {
  const Kernel& kernel = view_.kernelOf(*p.launch);
  const int64_t count = view_.count(p.buffer);
  const SizedAccess access = sized(p.store->index, p.store->guards, [this](const Dim& d) { return view_.at(d); });
  if (p.store->accumulate || !access.isStatic()) return std::nullopt;
  if (count > kMostElements || view_.pointsOf(kernel, *p.stage) > kMostElements) return std::nullopt;
  std::vector<uint32_t> loops = kernel.taskIters;
  loops.insert(loops.end(), p.stage->iters.begin(), p.stage->iters.end());
  std::vector<bool> elements(static_cast<size_t>(count), false);
  forEachPoint(loops, view_.extentsOf(kernel), [&](const Point& point) {
    if (access.isMade(point)) elements.at(static_cast<size_t>(access.index.at(point))) = true;
    return true;
  });
  return elements;
}

}  // namespace nnc::plan
