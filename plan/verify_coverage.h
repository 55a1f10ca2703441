// Which elements of a buffer the stores of an entry write.
#pragma once

#include <optional>
#include <vector>

#include "plan/verify.h"

namespace nnc::plan {

/// What one store of a launch writes of a buffer.
struct Piece {
  BufId buffer = 0;
  const Launch* launch = nullptr;
  const Stage* stage = nullptr;
  const Store* store = nullptr;
  bool operator==(const Piece&) const = default;
};

class Coverage {
public:
  explicit Coverage(const EntryView& view) : view_(view) {}

  /// True if pieces of a buffer are, together, all of it. A store whose place a run-time value decides adds nothing.
  bool isWhole(BufId b, const std::vector<Piece>& pieces) const;
  /// True if two pieces of one buffer have no element in common, as far as their indices tell.
  bool areApart(const Piece& a, const Piece& b) const;

private:
  bool fillsAlone(const Piece& piece) const;
  /// Nothing where run-time values decide, or where there are too many elements to look at.
  std::optional<std::vector<bool>> elementsOf(const Piece& piece) const;

  const EntryView& view_;
};

}  // namespace nnc::plan
