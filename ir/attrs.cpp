#include "ir/attrs.h"

#include <fmt/format.h>

#include "ir/check.h"

namespace nnc {
namespace {

template <typename T>
const T& get(const Attrs& attrs, std::string_view name) {
  const AttrValue* value = attrs.find(name);
  NNC_CHECK(value != nullptr, fmt::format("the attribute `{}` is missing", name));
  const T* typed = std::get_if<T>(value);
  NNC_CHECK(typed != nullptr, fmt::format("the attribute `{}` is of another kind (number {})", name, value->index()));
  return *typed;
}

}  // namespace

size_t Literal::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

double Literal::asDouble(size_t i) const {
  return std::visit([i](const auto& v) { return static_cast<double>(v.at(i)); }, values);
}

int64_t Literal::asInt(size_t i) const {
  return std::visit([i](const auto& v) { return static_cast<int64_t>(v.at(i)); }, values);
}

void Attrs::set(std::string_view name, AttrValue value) {
  for (Entry& entry : entries_)
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  entries_.emplace_back(std::string(name), std::move(value));
}

const AttrValue* Attrs::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.first == name) return &entry.second;
  return nullptr;
}

int64_t Attrs::integer(std::string_view name) const {
  return get<int64_t>(*this, name);
}
double Attrs::number(std::string_view name) const {
  return get<double>(*this, name);
}
bool Attrs::flag(std::string_view name) const {
  return get<bool>(*this, name);
}
const std::string& Attrs::string(std::string_view name) const {
  return get<std::string>(*this, name);
}
DType Attrs::dtype(std::string_view name) const {
  return get<DType>(*this, name);
}
const Dim& Attrs::dim(std::string_view name) const {
  return get<Dim>(*this, name);
}
const std::vector<int64_t>& Attrs::ints(std::string_view name) const {
  return get<std::vector<int64_t>>(*this, name);
}
const std::vector<Dim>& Attrs::dims(std::string_view name) const {
  return get<std::vector<Dim>>(*this, name);
}
const Type& Attrs::type(std::string_view name) const {
  return get<Type>(*this, name);
}
const Literal& Attrs::literal(std::string_view name) const {
  return get<Literal>(*this, name);
}

}  // namespace nnc
