// The named settings of blocks: `train fit(batch = 128)`, `csv("x", valid = 0.1)`, `precision(compute = bf16)`,
// `search fit(trials = 30)`. Each is one that the block has, and stands once.
#include "frontend/elab/elaborator.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc::elab {

namespace {

const std::vector<std::string> kSearchSettings = {"maximize", "minimize", "trials", "folds", "seed"};

}  // namespace

/// The settings among the arguments of a block that may be read; what is wrong with the others is reported. `hasPath`:
/// an argument without a name is none of them.
std::vector<const ast::Arg*> Elaborator::knownSettings(const std::vector<ast::Arg>& args, const std::string& block,
                                                       const std::vector<std::string>& known, bool hasPath) {
  std::vector<const ast::Arg*> settings;
  for (const ast::Arg& a : args) {
    if (hasPath && !a.name) continue;
    try {
      if (!a.name) {
        error(DiagCode::UnknownSetting, a.value->loc, fmt::format("the settings of {} are named", block))
            .help(fmt::format("there {} `{}`", known.size() == 1 ? "is" : "are", fmt::join(known, "`, `")));
        throw Reported{};
      }
      if (std::find(known.begin(), known.end(), a.name.text) == known.end())
        failUnknown(DiagCode::UnknownSetting, a.name.loc, fmt::format("setting of {} called", block), a.name.text,
                    known);
      const auto same = [&](const ast::Arg* b) { return b->name.text == a.name.text; };
      if (const auto first = std::find_if(settings.begin(), settings.end(), same); first != settings.end()) {
        error(DiagCode::UnknownSetting, a.name.loc, fmt::format("`{}` is set twice", a.name.text))
            .note((*first)->name.loc, "the first time here");
        throw Reported{};
      }
      settings.push_back(&a);
    } catch (const Reported&) {
    }
  }
  return settings;
}

/// A setting that is a whole number, `least` to `most`.
int64_t Elaborator::wholeSetting(const ast::Arg& a, int64_t least, int64_t most) {
  const Loc at = a.value->loc;
  const int64_t n = asConst(eval(*a.value), at, fmt::format("`{}`", a.name.text).c_str());
  if (n < least) fail(DiagCode::UnknownSetting, at, fmt::format("`{}` is at least {}, not {}", a.name.text, least, n));
  if (n > most) fail(DiagCode::UnknownSetting, at, fmt::format("`{}` is at most {}, not {}", a.name.text, most, n));
  return n;
}

/// A setting that names a result of validation: "valid.accuracy".
std::string Elaborator::resultSetting(const ast::Arg& a) {
  const std::string name = targetPath(*a.value);
  if (name.empty())
    fail(DiagCode::UnknownSetting, a.value->loc,
         fmt::format("`{}` names a result: `valid.accuracy`, `valid.loss`", a.name.text));
  return name;
}

/// `precision(compute = bf16)`
void Elaborator::setPrecision(const ast::Call& call) {
  for (const ast::Arg* a : knownSettings(call.args, "`precision`", {"compute"})) {
    const Val v = eval(*a->value);
    const bool type = v.is(ValKind::Fn) && v.fn->kind == FnVal::Kind::Cast;
    if (!type || (v.fn->dtype != DType::F32 && v.fn->dtype != DType::BF16))
      fail(DiagCode::UnknownSetting, a->value->loc, "`compute` is f32 or bf16");
    if (precisionAt_)
      error(DiagCode::Redefined, a->name.loc, "the precision is set twice").note(*precisionAt_, "it is set here");
    precisionAt_ = a->name.loc;
    module_.compute = v.fn->dtype;
  }
}

/// `search fit(maximize = valid.accuracy, trials = 30)` says how a train block's hyperparameters are to be searched. It
/// changes nothing that is compiled, and is checked all the same.
void Elaborator::checkSearch(const ast::Search& s, const ast::File& file) {
  std::vector<std::string> trains;
  for (const auto& item : file.items)
    if (const auto* t = item->tryAs<ast::Train>()) trains.push_back(t->name.text);
  if (std::find(trains.begin(), trains.end(), s.train.text) == trains.end())
    failUnknown(DiagCode::UnknownName, s.train.loc, "train block", s.train.text, trains);
  for (const auto& item : file.items) {
    const auto* other = item->tryAs<ast::Search>();
    if (other == &s) break;
    if (!other || other->train.text != s.train.text) continue;
    error(DiagCode::Redefined, s.train.loc, fmt::format("`{}` is searched twice", s.train.text))
        .note(other->train.loc, "the first search stands");
    throw Reported{};
  }
  const auto block = std::find_if(module_.trains.begin(), module_.trains.end(),
                                  [&](const TrainBlock& t) { return t.name == s.train.text; });
  const ast::Arg* goal = nullptr;
  for (const ast::Arg* a : knownSettings(s.settings, "a search", kSearchSettings)) {
    try {
      if (a->name.text != "maximize" && a->name.text != "minimize") {
        wholeSetting(*a, a->name.text == "folds" ? 2 : a->name.text == "seed" ? 0 : 1);
        continue;
      }
      if (goal) {
        error(DiagCode::UnknownSetting, a->name.loc, "a search has one result to make better")
            .note(goal->name.loc, fmt::format("there is `{}`", goal->name.text));
        throw Reported{};
      }
      goal = a;
      // Of a block with a mistake it is not known what it reports.
      if (const std::string name = resultSetting(*a); block != module_.trains.end() && module_.function(block->eval))
        checkValidReads(*block, {{name, a->value->loc}});
    } catch (const Reported&) {
    }
  }
}

}  // namespace nnc::elab
