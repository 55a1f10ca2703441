#include "frontend/elab/foreign_names.h"

#include <fmt/format.h>

#include <string_view>

#include "stdlib/stdlib.h"

namespace nnc::elab {

namespace {

struct ForeignName {
  std::string_view names;  // between blanks
  const char* help;
};

/// What the language has a notation or a built-in function for.
constexpr ForeignName kForeignNames[] = {
    {" where select masked_fill ", "`if c { a } else { b }` chooses element by element"},
    {" matmul mm bmm ", "the product of matrices is `a @ b`"},
    {" einsum tensordot outer bilinear ", "products are summed by names: `dot[B i k, B k j -> B i j](a, b)`"},
    {" T transpose permute swapaxes moveaxis ", "`x'` swaps the last two axes; `view[A B C -> C A B](x)` reorders any"},
    {" reshape ravel unsqueeze squeeze expand_dims rearrange tile repeat broadcast_to ",
     "`view[axes -> axes](x)` splits, merges, reorders, adds and repeats axes, by name"},
    {" cat concatenate hstack vstack ",
     "`concat[axis](a, b)` joins along an axis, `stack[axis](a, b)` along a new one"},
    {" arange range linspace enumerate ", "`for i in n { … }` counts 0, 1, … n - 1; as a tensor they are `iota(n)`"},
    {" zeros_like ones_like full_like ", "`0 * x` has the shape of x; `let z: [n] = 0` declares one"},
    {" flip fliplr flipud roll ",
     "`op.reverse[axis](x)` turns an axis around; `concat[axis](x[k..], x[..k])` rolls one"},
    {" tril triu ", "`for t in T, u in T { u <= t }` is a mask by rows and columns, `causal(T)` this one"},
    {" isnan isinf isfinite ", "`x != x` is true of NaN only, `abs(x) > 3.4e38` of an infinite f32"},
    {" bincount histogram ", "`sum[0](one_hot[n](i))` counts each index"},
    {" prod cumprod ", "`for i in n { let y = p * x[i]; p = y; y }` with `var p` multiplies in order"},
    {" pow power ", "a power is `x^y`"},
    {" eye ", "`one_hot[n](iota(n))` is the unit matrix"},
    {" split chunk unbind ",
     "slices take a tensor apart: `(x[:, ..k], x[:, k..])`; `view[B (3 D) -> 3 B D]` splits an axis"},
    {" vmap pmap jit ",
     "axes in front go through layers as they are, `for b in batch { … }` does rows one by one; all is compiled"},
    {" tree_map map ", "`leafwise[f](a, b)` is f of each leaf of instances and tuples"},
    {" len size numel length ",
     "`shape(x)` gives the dimensions, `count(x)` the number of elements, `length(words(raw.text))` in a data block a "
     "row's symbols"},
    {" dim ndim ", "`rank(x)` is the number of axes"},
    {" astype to cast ", "the name of a type converts: `f32(x)`"},
    {" gather take index_select take_along_axis ",
     "`w[t]` looks up along an axis; one index for each row is `op.gather[axis = …, batch = …]`"},
    {" scatter index_update ", "`put[axis](x, i, u)` gives x with u written at i"},
    {" argsort topk ", "`sort(x)` gives the values, ascending, and their indices: the last k are the largest"},
    {" print ", "a `metric` line reports a number in each epoch; `nn predict` shows what an export gives"},
    {" Sequential Module ", "a layer is a chain: `layer net(x) { x |> a: … |> b: … }`"},
};

/// The definition of the library whose comment says that it is also called so.
std::string libraryName(const std::string& name) {
  const std::string quoted = fmt::format("`{}`", name);
  for (const StdlibFile& file : stdlibFiles()) {
    bool called = false;
    for (size_t from = 0; from < file.text.size();) {
      const size_t end = std::min(file.text.find('\n', from), file.text.size());
      const std::string_view line = file.text.substr(from, end - from);
      from = end + 1;
      if (line.starts_with('#')) {
        const size_t also = line.find("Also called ");
        called = called || (also != line.npos && line.find(quoted, also) != line.npos);
        continue;
      }
      for (const std::string_view kind : {"fn ", "layer "})
        if (called && line.starts_with(kind))
          return std::string(line.substr(kind.size(), line.find_first_of("[(") - kind.size()));
      called = false;
    }
  }
  return "";
}

}  // namespace

std::string foreignNameHelp(const std::string& name) {
  const std::string word = fmt::format(" {} ", name);
  for (const ForeignName& foreign : kForeignNames)
    if (foreign.names.find(word) != foreign.names.npos) return foreign.help;
  if (const std::string here = libraryName(name); !here.empty())
    return fmt::format("`{}` is called `{}` here", name, here);
  return "";
}

}  // namespace nnc::elab
