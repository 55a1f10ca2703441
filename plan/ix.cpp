#include "plan/ix.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::plan {

std::strong_ordering operator<=>(const Ix& a, const Ix& b) {
  if (const auto c = a.terms.size() <=> b.terms.size(); c != 0) return c;
  for (size_t i = 0; i < a.terms.size(); ++i) {
    if (const auto c = a.terms[i].first <=> b.terms[i].first; c != 0) return c;
    if (const auto c = a.terms[i].second <=> b.terms[i].second; c != 0) return c;
  }
  return a.constant <=> b.constant;
}

std::strong_ordering operator<=>(const Atom& a, const Atom& b) {
  if (const auto c = a.kind <=> b.kind; c != 0) return c;
  if (const auto c = a.id <=> b.id; c != 0) return c;
  if (a.kind == Atom::Kind::Iter || a.kind == Atom::Kind::Inst) return std::strong_ordering::equal;
  if (const auto c = a.by <=> b.by; c != 0) return c;
  return *a.arg <=> *b.arg;
}

bool operator==(const Atom& a, const Atom& b) {
  return (a <=> b) == 0;
}

bool operator==(const Ix& a, const Ix& b) {
  return (a <=> b) == 0;
}

Ix Ix::iter(uint32_t id) {
  Ix ix;
  ix.terms.push_back({{Atom::Kind::Iter, id, nullptr, {}}, Dim(1)});
  return ix;
}

Ix Ix::inst(uint32_t id) {
  Ix ix;
  ix.terms.push_back({{Atom::Kind::Inst, id, nullptr, {}}, Dim(1)});
  return ix;
}

Dim Ix::coefficient(uint32_t iter) const {
  for (const auto& [atom, factor] : terms)
    if (atom.kind == Atom::Kind::Iter && atom.id == iter) return factor;
  return {};
}

bool Ix::dependsOn(uint32_t iter) const {
  return std::any_of(terms.begin(), terms.end(), [iter](const auto& term) {
    const Atom& atom = term.first;
    return atom.arg ? atom.arg->dependsOn(iter) : atom.kind == Atom::Kind::Iter && atom.id == iter;
  });
}

std::string Ix::str() const {
  return str([](uint32_t id) { return fmt::format("i{}", id); });
}

std::string Ix::str(const std::function<std::string(uint32_t)>& iterName) const {
  std::string text;
  for (const auto& [atom, factor] : terms) {
    std::string name;
    switch (atom.kind) {
      case Atom::Kind::Iter:
        name = iterName(atom.id);
        break;
      case Atom::Kind::Inst:
        name = fmt::format("%{}", atom.id);
        break;
      case Atom::Kind::Div:
        name = fmt::format("({} / {})", atom.arg->str(iterName), atom.by.str());
        break;
      case Atom::Kind::Mod:
        name = fmt::format("({} mod {})", atom.arg->str(iterName), atom.by.str());
        break;
    }
    const bool negative = factor.isConst() && factor.value() < 0;
    const Dim magnitude = negative ? Dim() - factor : factor;
    if (!text.empty())
      text += negative ? " - " : " + ";
    else if (negative)
      text += "-";
    if (magnitude.terms().size() > 1)
      text += fmt::format("({})*", magnitude.str());
    else if (magnitude != Dim(1))
      text += magnitude.str() + "*";
    text += name;
  }
  if (text.empty()) return constant.str();
  if (constant == Dim()) return text;
  if (constant.isConst() && constant.value() < 0) return text + " - " + (Dim() - constant).str();
  return text + " + " + constant.str();
}

}  // namespace nnc::plan
