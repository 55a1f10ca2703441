// Attributes of a node: a small ordered map from name to value. One representation for every op keeps printing,
// parsing, hashing and equality in one place; ops.def says which attributes an op has.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/type.h"

namespace nnc {

/// The elements of a constant, in row-major order, as f64 or i64. One element fills the whole shape.
struct Literal {
  std::variant<std::vector<double>, std::vector<int64_t>> values;
  bool isInt() const { return values.index() == 1; }
  size_t size() const;
  double asDouble(size_t i) const;
  int64_t asInt(size_t i) const;
  bool operator==(const Literal&) const = default;
};

using AttrValue =
    std::variant<int64_t, double, bool, std::string, DType, Dim, std::vector<int64_t>, std::vector<Dim>, Type, Literal>;

class Attrs {
public:
  using Entry = std::pair<std::string, AttrValue>;
  Attrs() = default;
  Attrs(std::initializer_list<Entry> entries) : entries_(entries) {}

  void set(std::string_view name, AttrValue value);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const AttrValue* find(std::string_view name) const;

  // Typed access; a missing attribute or another kind is a bug and asserts.
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string& string(std::string_view name) const;
  DType dtype(std::string_view name) const;
  const Dim& dim(std::string_view name) const;
  const std::vector<int64_t>& ints(std::string_view name) const;
  const std::vector<Dim>& dims(std::string_view name) const;
  const Type& type(std::string_view name) const;
  const Literal& literal(std::string_view name) const;

  const std::vector<Entry>& entries() const { return entries_; }
  bool operator==(const Attrs&) const = default;

private:
  std::vector<Entry> entries_;
};

}  // namespace nnc
