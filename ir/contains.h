#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

namespace nnc {

/// Whether an element of a list equals x.
template <class T>
bool contains(const std::vector<T>& list, const std::type_identity_t<T>& x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

}  // namespace nnc
