// Every kind of mistake that elaboration knows: its code and its place; and that one mistake is one report.
#include "elaborate_helper.h"

namespace nnc::test {
namespace {

using Strings = std::vector<std::string>;

struct Case {
  const char* name;
  const char* text;
  Strings want;
};

const Case kCases[] = {
    {"UnknownName", "export fn f(x: f32[B <= 4]) {\n sofmax(x)\n}", {"E0101 2:2"}},
    {"UnknownNameInEachFunction",
     "fn a(x) { foo(x) }\nfn b(x) { bar(x) }\nexport fn f(x: f32[B <= 4]) {\n let p = a(x)\n let q = b(x)\n p + q + "
     "r\n}",
     {"E0101 1:11", "E0101 2:11"}},
    {"NoFollowUps", "export fn f(x: f32[B <= 4]) {\n let y = foo(x)\n let z = y + 1\n z\n}", {"E0101 2:10"}},
    {"UnknownOption", "export fn f(x: f32[B <= 4, 3]) { cross_entropy[redce = none](x, x) }", {"E0102 1:48"}},
    {"UnknownArgument", "fn g(a, b) { a + b }\nexport fn f(x: f32[B <= 4]) { g(x, c = 3) }", {"E0102 2:36"}},
    {"DefinedTwice", "fn g(a) { a }\nfn g(a) { a }", {"E0103 2:4"}},
    {"MissingArgument", "fn g(a, b) { a + b }\nexport fn f(x: f32[B <= 4]) { g(x) }", {"E0104 2:31"}},
    {"TooManyArguments", "fn g(a, b) { a + b }\nexport fn f(x: f32[B <= 4]) { g(x, x, x) }", {"E0104 2:39"}},
    {"MissingCompileTimeArgument", "export fn f(x: f32[B <= 4]) { dropout(x) }", {"E0104 1:31"}},
    {"TensorCalled", "export fn f(x: f32[B <= 4]) {\n x(3)\n}", {"E0105 2:2"}},
    {"LayerAsTensor", "export fn f(x: f32[B <= 4, 3]) { x + dense[10] }", {"E0106 1:36"}},
    {"UsedFileMissing", "use nowhere.at_all\nexport fn f(x: f32[B <= 4]) { x }", {"E0107 1:1"}},
    {"AssignedButNotDefined", "export fn f(x: f32[B <= 4]) {\n y = x\n y\n}", {"E0108 2:2"}},

    {"AxisMismatchBlamesTheArgument", "fn g(a: [B, 4]) { a }\nexport fn f(x: f32[B <= 4, 3]) { g(x) }", {"E0201 2:36"}},
    {"ResultUnlikeTheDeclaredOne",
     "fn g(x: [B, C]) -> [C, B] { x }\nexport fn f(x: f32[B <= 4, 3]) { g(x) }",
     {"E0201 1:29"}},
    {"SameSizeByAccident",
     "fn g(x: [B, T], y: [T, B]) { x + y }\nexport fn f(x: f32[3, 3]) { g(x, x) }",
     {"E0206 1:32"}},
    {"SwappedAxesInALayer", "layer m(x: [B, T, D]) -> [B, D, T] { x }", {"E0201 1:38"}},
    {"UnusedDefinitionsAreChecked", "fn g(x: [B]) { foo(x) }", {"E0101 1:16"}},
    {"RankMismatch", "fn g(a: [B, C]) { a }\nexport fn f(x: f32[B <= 4]) { g(x) }", {"E0202 2:33"}},
    {"Contraction", "export fn f(x: f32[B <= 4, 784], w: f32[512, 10]) { x @ w }", {"E0203 1:57"}},
    {"NotDivisible",
     "layer s(x: [B, H, W]) -> [B, H/2, W/2] { x[:, 0..H/2, 0..W/2] }\nlet net = s\nexport fn f(x: f32[B <= 4, 7, 8]) "
     "{ net(x) }",
     {"E0204 1:50"}},
    {"MixedFloats", "export fn f(x: f32[B <= 4], y: f64[B]) { x + y }", {"E0205 1:44"}},
    {"IntToFloatIsWritten", "export fn f(x: f32[B <= 4], i: i32[B]) { x + i }", {"E0205 1:44"}},
    {"SlashIsForFloats", "export fn f(i: i32[B <= 4]) { i / 2 }", {"E0205 1:33"}},
    {"BothSidesBroadcast", "export fn f(x: f32[B <= 4, 1], y: f32[B]) { x - y }", {"E0206 1:47"}},
    {"RandomShapeUnknown", "export fn f(x: f32[B <= 4]) { sum(normal) + x }", {"E0207 1:31"}},
    {"IndexOutside", "export fn f(x: f32[B <= 4, 3]) { x[:, 3] }", {"E0208 1:39"}},
    {"RangeOutsideWhateverTheSizes",
     "export fn f(x: f32[B <= 4, 3], n: int <= 2) { x[:, n + 4..n + 5] }",
     {"E0208 1:52"}},
    {"NoSuchAxis", "export fn f(x: f32[B <= 4, 3]) { stack[4](x, x) }", {"E0208 1:34"}},
    {"WrongKind", "export fn f(x: f32[B <= 4]) { let (a, b) = 3; x + a }", {"E0209 1:44"}},
    {"PrimitiveMisused", "export fn f(x: f32[B <= 4]) { op.transpose[(0, 1)](x) }", {"E0211 1:44"}},
    {"ValueUnused", "export fn f(x: f32[B <= 4]) {\n x + 1\n x\n}", {"E0212 2:2"}},
    {"RunTimeCountWithoutBound",
     "export fn f(x: f32[B <= 4], n: int) { var y = x; for i in n { y = y + 1 }; y }",
     {"E0213 1:59"}},
    {"SymbolicParameterShape",
     "layer m(x: [B, D]) { param w: [B, D] = glorot; x * w }\nlet net = m\nexport fn f(x: f32[B <= 4, 3]) { net(x) }",
     {"E0214 1:32"}},
    {"ViewLosesAnAxis", "export fn f(x: f32[B <= 4, 6]) { x |> view[B (3 C) -> B C] }", {"E0215 1:39"}},
    {"BlockWithoutValue", "export fn f(x: f32[B <= 4]) {\n let y = x\n}", {"E0216 1:11"}},
    {"CarryChangesItsType",
     "export fn f(x: f32[B <= 4, 9]) {\n var s = x[:, 0]\n for t in 9 { s = sum(s) }\n s\n}",
     {"E0218 3:15"}},
    {"BranchesOfDifferentKinds",
     "export fn f(x: f32[B <= 4, 3]) {\n let c = sum(x) > 0\n if c { (x, x) } else { x }\n}",
     {"E0217 3:2"}},
    {"LoopNestsAVariable",
     "export fn f(x: f32[B <= 4]) {\n var t = (x, x)\n for i in 40 { t = (t, t) }\n sum(t)\n}",
     {"E0218 3:16"}},
    {"TensorBeyondAnyMemory", "export fn f(x: f32[B <= 1000000000000, 1000]) { x }", {"E0605 1:13"}},
    {"BoundBelowZero", "export fn f(x: f32[B <= -1]) { x }", {"E0505 1:20"}},
    {"WindowBelowOne", "data d from text(\"x\", window = 0) { a: u8[3] = raw.text }", {"E0502 1:32"}},
    {"ShareAboveOne", "data d from csv(\"x\", valid = 1.5) { a: f32 = raw.a }", {"E0502 1:30"}},
    {"SeparatorThatQuotes", "data d from csv(\"x\", separator = \"\\\"\") { a: f32 = raw.a }", {"E0502 1:34"}},
    {"FoldsThatAreNoNumber", "data d from csv(\"x\", folds = true, fold = 0) { a: f32 = raw.a }", {"E0502 1:30"}},
    {"SeparatorOfTwoLetters", "data d from csv(\"x\", separator = \"ab\") { a: f32 = raw.a }", {"E0502 1:34"}},
    {"CallsThatDouble",
     "fn a(x) { x + 1 }\nfn b(x) { a(a(a(a(a(a(a(a(a(a(x)))))))))) }\nfn c(x) { b(b(b(b(b(b(b(b(b(b(x)))))))))) }\n"
     "fn d(x) { c(c(c(c(c(c(c(c(c(c(x)))))))))) }\nfn e(x) { d(d(d(d(d(d(d(d(d(d(x)))))))))) }\n"
     "export fn f(x: f32[B <= 4]) { e(e(e(e(e(e(e(e(e(e(x)))))))))) }",
     {"E0606 5:29"}},
    {"IndexWithoutBound", "fn g(i: i32[B] < 10) { i }\nexport fn f(i: i32[B <= 4]) { g(i) }", {"E0219 2:33"}},
    {"DrawOutside", "let z: [3] = normal\nexport fn f(x: f32[3]) { x + z }", {"E0211 1:14"}},
    {"StateChangedByAnInitialValue",
     "layer m(x: [3]) { state s = average(f32(iota(3))); x * f32(s) }\nlet net = m\nexport fn f(x: f32[3]) { net(x) }",
     {"E0305 1:29"}},
    {"ChoiceOfAnotherKind", "hyper h = 1 in [op.exp]", {"E0507 1:17"}},
    {"EveryTensor",
     "let net = dense[1]\ntrain fit(steps = 1, batch = 2) {\n let x: [batch, 2] = normal\n let loss = mean(net(x)^2)\n "
     "every "
     "iota(3) { net = 0.5 * net }\n}",
     {"E0209 5:8"}},
    {"FloatInputWithBound", "export fn f(x: f32[3] < 4) { x }", {"E0205 1:25"}},
    {"BoolInputWithBound", "export fn f(x: bool[3] < 4) { x }", {"E0205 1:26"}},
    {"AssignedTwice", "export fn f(x: f32[3]) {\n var a = x\n (a, a) = (x, x)\n a\n}", {"E0103 3:6"}},
    {"PutIntoANumber", "export fn f(x: f32[]) { put(x, 0, 1) }", {"E0202 1:29"}},
    {"SortOfBools", "export fn f(x: bool[3]) { sort(x) }", {"E0205 1:32"}},
    {"NoCallFits",
     "export fn f(x: f32[P <= 4, 3]) { let kv: [4, 3] = 0; (x[-1], put(kv, 4 + iota(P), x)) }",
     {"E0208 1:11"}},
    {"SizeFromTheEnd", "export fn f(x: f32[T <= 20], m: int <= 9) { x[..-m] }", {"E0208 1:47"}},
    {"TwoRests", "fn g(x: [...S, ...R]) { x }\nexport fn f(x: f32[4, 3]) { g(x) }", {"E0215 1:16"}},
    {"LabelWithoutBound", "export fn f(z: f32[B <= 4, 3], y: i32[B]) { cross_entropy(z, y) }", {"E0219 1:45"}},
    {"IndexBoundTooLarge", "fn g(i: i32[B] < 10) { i }\nexport fn f(i: i32[B <= 4] < 20) { g(i) }", {"E0219 2:38"}},
    {"NumberDoesNotFit", "export fn f(x: u8[B <= 4]) { x + 300 }", {"E0220 1:32"}},

    {"SecondUnlabelled",
     "layer m(x: [B, 4]) { x |> dense[10] |> dense[3] }\nlet net = m\nexport fn f(x: f32[B <= 4, 4]) { net(x) }",
     {"E0301 1:40"}},
    {"Alias", "let net = dense[3]\nlet other = net", {"E0302 2:5"}},
    {"ParameterChanged",
     "let net = dense[3]\nexport fn f(x: f32[B <= 4, 3]) { net(x) }\nexport fn g(x: f32[B <= 4, 5]) { net(x) }",
     {"E0303 3:34"}},
    {"NothingOwnsIt", "export fn f(x: f32[B <= 4, 3]) { x |> dense[3] }", {"E0304 1:39"}},
    {"InitializerReadsTheRun",
     "layer m(x: [B, 3]) { state s: [3] = mean[0](x); x + s }\nlet net = m\nexport fn f(x: f32[B <= 4, 3]) { net(x) }",
     {"E0305 1:37"}},
    {"LetAssigned", "export fn f(x: f32[B <= 4]) {\n let y = x\n y = y + 1\n y\n}", {"E0306 3:2"}},
    {"AssignedInSelect",
     "export fn f(x: f32[B <= 4]) {\n var y = 0.0\n if x > 0 { y = 1.0; x } else { x }\n}",
     {"E0307 3:13"}},
    {"NoSuchPart", "let net = dense[3]\nexport fn f(x: f32[B <= 4, 4]) { net(x) + sum(net.v) }", {"E0308 2:51"}},
    {"PartsBeforeTheFirstApplication",
     "let net = dense[3]\ntrain fit(steps = 3, batch = 4) {\n let x: [batch, 4] = normal\n let p = l2(net)\n let loss "
     "= "
     "mean(net(x)) + p\n net = 0 * net\n}",
     {"E0308 4:10"}},
    {"MadeInALoop",
     "layer m(x: [B, 4]) { var h = x; for i in 3 { h = h |> dense[4] }; h }\nlet net = m\nexport fn f(x: f32[B <= 4, "
     "4]) { net(x) }",
     {"E0309 1:55"}},
    {"PatternMatchesNothing",
     "let net = dense[3]\ntrain fit(steps = 3, batch = 4) {\n let x: [batch, 4] = normal\n let loss = mean(net(x))\n "
     "net.**.q = 0 * net.**.q\n}",
     {"E0310 5:17"}},

    {"NoPathToTheLoss",
     "let net = dense[3]\nlet other = dense[3]\ntrain fit(steps = 3, batch = 4) {\n let x: [batch, 4] = normal\n let "
     "loss = mean(net(x))\n metric m = mean(other(x))\n other = sgd(other, grad(loss, other))\n}",
     {"E0401 7:32"}},
    {"LossByAnotherName",
     "let net = dense[3]\ntrain fit(steps = 3, batch = 4) {\n let x: [batch, 4] = normal\n let "
     "Loss = mean(net(x))\n net = sgd(net, grad(Loss, net))\n}",
     {"E0405 2:7"}},
    {"MonitorOfNoLoss",
     "let net = dense[3]\ntrain fit(steps = 3, batch = 4, monitor = valid.loss) {\n let x: [batch, 4] = normal\n "
     "state s = 0.0\n s = s + mean(x)\n}",
     {"E0101 2:43"}},
    {"LossIsNoScalar",
     "let net = dense[3]\ntrain fit(steps = 3, batch = 4) {\n let x: [batch, 4] = normal\n let loss = net(x)\n net = 0 "
     "* net\n}",
     {"E0402 4:6"}},
    {"GradientByANumber", "export fn f(x: f32[3]) { grad(sum(x), 3) }", {"E0403 1:39"}},
    {"GradientByIntegers", "export fn f(x: f32[3], i: i32[3]) {\n grad(sum(x * f32(i)), (x, i))\n}", {"E0403 2:24"}},
    {"TrainsNothing", "train fit(steps = 3) { let loss = 1.0 }", {"W0404 1:7"}},

    {"UnknownReader", "data d from idxx(\"/x\") { a: f32[3] = f32(raw.a) }", {"E0501 1:13"}},
    {"UnknownReaderAlone",
     "data d from hosts(\"/x\") {\n a: f32[3] = raw.a\n b: i32 < 3 = raw.b\n}\nlet net = dense[3]\ntrain fit on d {\n "
     "let "
     "loss = mse(net(a), a)\n net = sgd(net, grad(loss, net))\n}",
     {"E0501 1:13"}},
    {"SearchOfNothing", "train fit(steps = 1) { let loss = 1.0 }\nsearch fitt(trials = 3)", {"W0404 1:7", "E0101 2:8"}},
    {"SearchSettingMisspelt",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(trails = 3)",
     {"W0404 1:7", "E0502 2:12"}},
    {"SearchOfABlockWithAMistake",
     "let rate = nope\nlet net = dense[1]\ntrain fit(steps = 1, batch = 2) {\n let x: [batch, 2] = normal[1.0]\n let "
     "loss = "
     "mean(net(x)^2)\n net = sgd(net, grad(loss, net), lr = rate)\n}\nsearch fit(minimize = valid.los)",
     {"E0101 1:12"}},
    {"SearchTwice",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(trials = 2)\nsearch fit(trials = 3)",
     {"W0404 1:7", "E0103 3:8"}},
    {"SearchSettingWithoutName", "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(3)", {"W0404 1:7", "E0502 2:12"}},
    {"SearchOfNoTrials",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(trials = 0, folds = 1, seed = -1)",
     {"W0404 1:7", "E0502 2:21", "E0502 2:32", "E0502 2:42"}},
    {"SearchOfHalfATrial",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(trials = 2.5)",
     {"W0404 1:7", "E0209 2:21"}},
    {"SearchOfNoResult",
     "search fit(maximize = valid.acuracy)\ntrain fit(steps = 1) { let loss = 1.0; metric accuracy = 2.0 }",
     {"E0101 1:23", "W0404 2:7"}},
    {"SearchOfTwoResults",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(minimize = valid.loss, maximize = valid.loss)",
     {"W0404 1:7", "E0502 2:35"}},
    {"SearchForANumber",
     "train fit(steps = 1) { let loss = 1.0 }\nsearch fit(minimize = 3)",
     {"W0404 1:7", "E0502 2:23"}},
    {"SettingTwice", "train fit(steps = 3, steps = 4) { let loss = 1.0 }", {"W0404 1:7", "E0502 1:22"}},
    {"SettingOutOfRange",
     "train fit(steps = 3, batch = 0, seed = -1) { let loss = 1.0 }",
     {"W0404 1:7", "E0502 1:30", "E0502 1:40"}},
    {"StepsOfDataAreItsRows",
     "data d from csv(\"x\") { a: f32 = raw.a }\ntrain fit on d(steps = 3) { let loss = mean(a) }",
     {"W0404 2:7", "E0502 2:16"}},
    {"DataSettingTwice", "data d from csv(\"x\", valid = 1, valid = 2) { a: f32 = raw.a }", {"E0502 1:33"}},
    {"DataWithoutPath", "data d from csv(valid = 1) { a: f32 = raw.a }", {"E0209 1:13"}},
    {"DataOfTwoPaths", "data d from csv(\"x\", \"y\") { a: f32 = raw.a }", {"E0209 1:22"}},
    {"PrecisionWithoutName", "precision(bf16)\nexport fn f(x: f32[B <= 4]) { x }", {"E0502 1:11"}},
    {"UnusedFieldIsChecked", "data d from idx(\"/x\") {\n a: f32[3] = f32(raw.a) + foo\n}", {"E0101 2:27"}},
    {"SettingOfAnotherReader", "data d from images(\"x\", window = 3) { a: i32 = raw.label }", {"E0502 1:25"}},
    {"UnknownUnit", "data d from text(\"x\", window = 3, by = line) { a: u8[3] = raw.text }", {"E0502 1:40"}},
    {"FoldsWithoutFold", "data d from csv(\"x\", folds = 3) { a: f32 = raw.a }", {"E0502 1:30"}},
    {"FoldAboveFolds", "data d from csv(\"x\", folds = 3, fold = 3) { a: f32 = raw.a }", {"E0502 1:40"}},
    {"FoldBesideValid", "data d from csv(\"x\", folds = 3, fold = 0, valid = 0.1) { a: f32 = raw.a }", {"E0502 1:40"}},
    {"CharsWithoutBound", "data d from text(\"x\", window = 3) { a: i32[3] = chars(raw.text) }", {"E0219 1:49"}},
    {"CharsByWord",
     "data d from text(\"x\", window = 3, by = word) { a: i32[3] < 9 = chars(raw.text) }",
     {"E0501 1:64"}},
    {"WordsByByte", "data d from text(\"x\", window = 3) { a: i32[3] < 9 = words(raw.text) }", {"E0501 1:53"}},
    {"CategoryOfAnImage", "data d from idx(\"/x\") { a: i32 < 9 = category(raw.label) }", {"E0501 1:38"}},
    {"CharsOfALet",
     "data d from text(\"x\", window = 3) {\n let b: u8[3] = raw.text\n a: i32[3] < 9 = chars(b)\n}",
     {"E0104 3:18"}},
    {"StatisticOutsideOfData", "export fn f(x: f32[B <= 4]) { mean_of(x) }", {"E0211 1:31"}},
    {"StatisticOfIntegers", "data d from idx(\"/x\") { a: f32[3] = f32(raw.a) - mean_of(raw.a) }", {"E0205 1:58"}},
    {"UnknownSetting", "train fit(stps = 3) { let loss = 1.0 }", {"E0502 1:11", "W0404 1:7"}},
    {"MonitorMisspelt",
     "train fit(steps = 3, monitor = valid.acuracy) {\n let loss = 1.0\n metric accuracy = 2.0\n}",
     {"W0404 1:7", "E0101 1:32"}},
    {"ResultOfValidationMisspelt",
     "train fit(steps = 3) {\n let loss = 1.0 + valid.los\n metric a = loss\n}",
     {"W0404 1:7", "E0101 2:25"}},
    {"PrecisionOfAnotherKind", "precision(compute = i32)\nexport fn f(x: f32[B <= 4]) { x }", {"E0502 1:21"}},
    {"PrecisionSettingMisspelt", "precision(compte = bf16)\nexport fn f(x: f32[B <= 4]) { x }", {"E0502 1:11"}},
    {"RawExtentUnknown",
     "data d from idx(\"/x\") {\n a = f32(raw.a)\n}\ntrain fit on d(batch = 4) { let loss = mean(a) }",
     {"W0404 4:7", "E0504 2:10"}},
    {"NamedArgumentOfBuiltin", "export fn f(x: f32[B <= 4]) { stack(x, x, axis = 1) }", {"E0102 1:43"}},
    {"NamedArgumentOfCast", "export fn f(x: f32[B <= 4]) { i32(foo = x) }", {"E0102 1:35"}},
    {"OptionOfBuiltin", "export fn f(x: f32[B <= 4]) { let (y, _) = sort[descending = 0](x); y }", {"E0102 1:49"}},
    {"OptionsOfBuiltin", "export fn f(x: f32[B <= 4, 3]) { concat[0, 1](x, x) }", {"E0104 1:44"}},
    {"BracketsOfBuiltin", "export fn f(x: f32[B <= 4]) { sum(f32(iota[5](3))) + x }", {"E0104 1:39"}},
    {"OperandOfRand", "export fn f(x: f32[B <= 4]) { op.rand[shape(x)](x) }", {"E0104 1:31"}},
    {"AttributesOfElementwise", "export fn f(x: f32[B <= 4]) { op.exp[3](x) }", {"E0104 1:38"}},
    {"NamedIndex", "export fn f(x: f32[4]) { x[axis = 0] }", {"E0102 1:28"}},
    {"AttributeTwice", "export fn f(x: f32[2, 2]) { op.sum[0, axes = 1](x) }", {"E0104 1:46"}},
    {"TwoAxesOfConcat", "export fn f(x: f32[2, 2]) { concat[(0, 1)](x, x) }", {"E0208 1:29"}},
    {"ProductBeyond64Bits", "export fn f(x: i64[2]) { x + 3037000500 * 3037000500 }", {"E0220 1:41"}},
    {"WholePartBeyond64Bits", "export fn f(x: i64[2]) { x + int(3e19) }", {"E0220 1:34"}},
    {"FloatBeyondF32", "export fn f(x: f32[2]) { x * 1e39 }", {"E0220 1:28"}},
    {"FloatBeyondF16", "export fn f(x: f32[2]) { f32(f16(70000)) * x }", {"E0220 1:30"}},
    {"HyperBeyondByte", "hyper k = 300\nexport fn f(x: u8[4]) { x < k }", {"E0220 2:27"}},
    {"SizeInByte", "export fn f(x: u8[B <= 300]) { x + B }", {"E0220 1:34"}},
    {"PowerOfBools", "export fn f(x: bool[4]) { x^2 }", {"E0205 1:28"}},
    {"PowerOfIntegers", "export fn f(x: i32[4]) { x^2 }", {"E0205 1:27"}},
    {"AxisTwiceInView", "export fn f(x: f32[2, 3]) { x |> view[B C -> B B] }", {"E0215 1:34"}},
    {"AxisTwiceInDot", "export fn f(x: f32[2, 2]) { dot[i j, j k -> i i](x, x) }", {"E0215 1:29"}},
    {"AttributeOfRand", "export fn f(x: f32[4]) { op.rand[shape = 3]() + x[0] }", {"E0102 1:42"}},
    {"ArgumentTwice", "fn g(x, x) { x }\nexport fn f(x: f32[4]) { g(x, x) }", {"E0103 1:9"}},
    {"ArgumentTwiceInPlace", "export fn f(x: f32[4]) { let g = fn(a, a) { a }\n g(x, x) }", {"E0103 1:40"}},
    {"NameTwiceInPattern", "export fn f(x: f32[4]) { let (a, a) = (x, 2 * x)\n a }", {"E0103 1:34"}},
    {"IndexTwice", "export fn f(x: f32[4]) { for i in 2, i in 3 { f32(i) * x } }", {"E0103 1:38"}},
    {"FieldTwice", "data d from npy(\"d.npz\") {\n x: f32 = raw.x\n x: f32 = raw.y\n}", {"E0103 3:2"}},
    {"ParameterTwice", "layer m(x) {\n param w: [4] = 1\n param w: [4] = 2\n x * w\n}", {"E0103 3:8"}},
    {"MetricTwice",
     "let net = dense[2]\ntrain fit(steps = 3) {\n let x: [4, 3] = normal\n let loss = mean(net(x))\n metric a = 1.0\n"
     " metric a = 2.0\n net = sgd(net, grad(loss, net))\n}",
     {"E0103 6:9"}},
    {"MetricCalledLoss",
     "let net = dense[2]\ntrain fit(steps = 3) {\n let x: [4, 3] = normal\n let loss = mean(net(x))\n metric loss = "
     "1.0\n"
     " net = sgd(net, grad(loss, net))\n}",
     {"E0103 5:9"}},
    {"EveryZero",
     "let net = dense[2]\ntrain fit(steps = 3) {\n let x: [4, 3] = normal\n let loss = mean(net(x))\n"
     " every 0 { net = sgd(net, grad(loss, net)) }\n}",
     {"E0209 5:8"}},
    {"PrecisionTwice",
     "precision(compute = bf16)\nprecision(compute = f32)\nexport fn f(x: f32[4]) { x }",
     {"E0103 2:11"}},
    {"DefaultOfExport", "export fn f(x: f32[4], t: f32 = 0.5) { x * t }", {"E0505 1:33"}},
    {"BracketsOfExport", "export fn f[n = 2](x: f32[4]) { x }", {"E0505 1:13"}},
    {"CropBeyondTheImage", "export fn f(x: f32[B <= 4, 1, 2, 2]) { random_crop[3](x) }", {"E0208 1:40"}},
    {"WindowBeyondTheImage", "export fn f(x: f32[B <= 4, 1, 2, 2]) { max_pool[3](x) }", {"E0211 1:40"}},
    {"InputWithoutRows", "export fn f(x: f32[B <= 0]) { x }", {"E0505 1:20"}},
    {"InputBelowNothing", "export fn f(x: i32[B <= 4] < 0) { x }", {"E0505 1:30"}},
    {"InputNamedLikeHyper", "hyper k = 3.0\nexport fn f(x: f32[4], k: f32) { x * k }", {"E0103 2:24"}},
    {"InputNamedLikeScalarOfTheHost", "export fn f(x: f32[4], seed: f32) { x * seed }", {"E0103 1:24"}},
    {"TrainBlockTwice",
     "let net = dense[2]\ntrain fit(steps = 3) {\n let x: [4, 3] = normal\n let loss = mean(net(x))\n"
     " net = sgd(net, grad(loss, net))\n}\ntrain fit(steps = 3) { let loss = 1.0 }",
     {"E0103 7:7"}},
    {"UnsortedAxes", "export fn f(x: f32[2, 3]) { op.dslice[axes = (1, 0), sizes = (2, 1)](x, 1, 0) }", {"E0211 1:46"}},
    {"StateBeyondItsBound", "export fn f(x: f32[4]) {\n state n: i32[] < 3 = 0\n n = n + 10\n x\n}", {"E0219 3:2"}},
    {"ClampToNothing", "export fn f(x: i32[4]) { clamp(x, 0) }", {"E0208 1:35"}},
    {"PutOutside", "export fn f(x: f32[4]) { put(x, 7, 9) }", {"E0208 1:33"}},
    {"LetTwiceInData",
     "data d from npy(\"d.npz\") {\n let k = 2.0\n x: f32 = raw.x * k\n let k = 3.0\n}",
     {"E0103 4:6"}},
    {"TupleInData", "data d from npy(\"d.npz\") {\n let (k, l) = (2.0, 3.0)\n x: f32 = raw.x\n}", {"E0209 2:6"}},
    {"LossOfIntegers",
     "let net = dense[2]\ntrain fit(steps = 3) {\n let x: [4, 3] = normal\n let loss = sum(argmax(net(x)))\n}",
     {"W0404 2:7", "E0402 4:6"}},
    {"ArgumentUnknown", "export fn f(x: f32[B <= 4, 3]) { softmax(x, dim = -1) }", {"E0102 1:45"}},
    {"LeafwiseOfNothing", "let net = dense[2]\nexport fn f(x: f32[B <= 4, 3]) { leafwise(net(x)) }", {"E0104 2:34"}},
    {"CopyInExport",
     "let net = dense[2]\nexport fn f(x: f32[B <= 4, 3]) {\n let y = net(x)\n let fast = copy(net)\n fast(y)\n}",
     {"E0304 4:13"}},
    // One mistake is one report.
    {"StateThatFails",
     "let net = dense[2]\ntrain fit(steps = 3) {\n state g = 0 * net\n let x: [4, 3] = normal\n"
     " let loss = mean(net(x))\n g = g + grad(loss, net)\n net = sgd(net, g)\n}",
     {"E0308 3:14"}},
    {"FieldThatFails",
     "data d from idx(\"/x\") { v = f32(raw.v) }\nlayer m(v: [B, 3]) { param w: [3] = normal\n v @ w }\nlet net = m\n"
     "train fit on d(batch = 4) {\n let loss = mean(net(v))\n net.w = net.w - grad(loss, net.w)\n}",
     {"E0504 1:33"}},
    {"TextWithoutWindow", "data d from text(\"x\") { a: i32[3] < 9 = chars(raw.text) }", {"E0502 1:13"}},
    {"LengthOfCategory",
     "data d from csv(\"x\") {\n a: i32 < 9 = length(category(raw.a))\n}\ntrain fit on d(batch = 3) { let loss = 1.0 }",
     {"W0404 4:7", "E0104 2:15"}},
    {"TextIsVector",
     "data d from csv(\"x\") {\n a: i32 < 9 = words(raw.a)\n}\ntrain fit on d(batch = 3) { let loss = 1.0 }",
     {"W0404 4:7", "E0202 2:15"}},
    {"ColumnIsNumber",
     "data d from csv(\"x\") {\n a: f32[3] = raw.a\n}\ntrain fit on d(batch = 3) { let loss = mean(a) }",
     {"W0404 4:7", "E0202 2:14"}},
    {"MetricOfRows",
     "let net = dense[3]\ntrain t(steps = 2, batch = 4) {\n let x: [batch, 2] = normal\n let y = net(x)\n let loss = "
     "mean(y)\n"
     " metric m = y\n net = sgd(net, grad(loss, net))\n}",
     {"E0214 6:13"}},
    {"MonitoredTable",
     "let net = dense[3]\ndata d from npy(\"d.npz\", valid = 0.2) { x: f32[2] = raw.x }\n"
     "train t on d(batch = 4, monitor = valid.m) {\n let y = net(x)\n let loss = mean(y)\n metric m = mean[0](y)\n"
     " net = sgd(net, grad(loss, net))\n}",
     {"E0101 3:35"}},
    {"FieldDraws",
     "let net = dense[3]\ndata d from npy(\"d.npz\") {\n x: f32[2] = raw.x\n z: f32[2] = normal\n}\n"
     "train t on d(batch = 4) {\n let loss = mean(net(x + z))\n net = sgd(net, grad(loss, net))\n}",
     {"E0211 4:14"}},
    {"TwoBounds", "export fn f(a: f32[B <= 4], b: f32[B <= 7]) { a + b }", {"E0505 1:36"}},
    {"BoundTwice", "export fn f(n: int <= 4, a: f32[B <= 4], b: f32[B <= 4, n <= 4]) { sum(a) + sum(b) }", {}},
    {"InputNotDeclared", "export fn f(x: f32[B, 3]) { x }", {"E0505 1:20"}},
    {"UnusedHyper", "hyper width = 3\nexport fn f(x: f32[B <= 4]) { x }", {"E0506 1:7"}},
    {"HyperFunctionWithoutChoices", "hyper f = relu\nexport fn g(x: f32[3]) { f(x) }", {"E0507 1:11"}},
    {"HyperFunctionAmongNumbers", "hyper f = relu in [relu, 3]\nexport fn g(x: f32[3]) { f(x) }", {"E0507 1:26"}},
    {"HyperFunctionWithOptions",
     "hyper f = relu in [relu, leaky_relu[0.1]]\nexport fn g(x: f32[3]) { f(x) }",
     {"E0507 1:26"}},
    {"HyperFunctionNotAmongItsChoices",
     "hyper f = relu in [gelu, tanh]\nexport fn g(x: f32[3]) { f(x) }",
     {"E0507 1:11"}},
    {"HyperFunctionUnknown", "hyper f = rleu in [relu]\nexport fn g(x: f32[3]) { f(x) }", {"E0101 1:11"}},
    {"BoundByAFieldWithoutBound",
     "data d from csv(\"x\") { a: f32 = raw.a }\nexport fn f(x: i32[3] < d.a) { x }",
     {"E0219 2:25"}},
    {"BoundByAFieldInclusive",
     "data d from text(\"x\", window = 3) { a: i32[3] < 9 = chars(raw.text) }\nexport fn f(x: i32[3] <= d.a) { x }",
     {"E0219 2:26"}},
    {"BoundByAnUnknownField",
     "data d from text(\"x\", window = 3) { a: i32[3] < 9 = chars(raw.text) }\nexport fn f(x: i32[3] < d.b) { x }",
     {"E0501 2:27"}},
    {"ResultAboveTheFieldsBound",
     "data d from text(\"x\", window = 3) { a: i32[3] < 9 = chars(raw.text) }\n"
     "export fn f(x: i32[3] < 10) -> i32[3] < d.a { x }",
     {"E0219 2:47"}},
    {"BoundByItself", "data d from text(\"x\", window = 3) { a: i32[3] < d.a = chars(raw.text) }", {"E0219 1:37"}},
    {"LinesHaveNoStride",
     "data d from text(\"x\", window = 3, rows = line, stride = 1) { a: u8[3] = raw.text }",
     {"E0502 1:13"}},
    {"UnknownRowsOfAText", "data d from text(\"x\", window = 3, rows = verse) { a: u8[3] = raw.text }", {"E0502 1:42"}},
    {"HyperOutsideItsRange", "hyper w = 2.0 in 0.0 .. 1.0\nexport fn f(x: f32[3]) { w * x }", {"E0507 1:11"}},
    {"HyperNamedAsTheHostsScalar", "hyper step = 3\nexport fn f(x: f32[3]) { step * x }", {"E0507 1:7"}},
    {"HyperOutsideItsDomain", "hyper w = 20 in [1, 2]\nexport fn f(x: f32[w]) { x }", {"E0507 1:11"}},
    {"TooManyElements",
     "export fn f(x: f32[B <= 4]) {\n let z: [1000000, 1000000, 10000000] = 0\n sum(z) + x\n}",
     {"E0605 2:40"}},
    {"TooManyElementsOfAnInput", "export fn f(x: f32[100000000000, 100000000000]) { x }", {"E0605 1:13"}},
    {"TooManyAxes",
     "export fn f(x: f32[B <= 4]) {\n stack(x) |> view[1 B -> B 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1]\n}",
     {"E0605 2:14"}},
    {"LoopOfTooManyLayers",
     "layer m(x: [B, 3]) {\n var y = x\n for i in 1000000 { y = h[i]: dense[3](y) }\n y\n}\nlet net = m\n"
     "export fn f(x: f32[B <= 4, 3]) { net(x) }",
     {"E0604 3:11"}},
    {"EndlessRecursion", "fn g(n) { g(n + 1) }\nexport fn f(x: f32[B <= 4]) { g(0) }", {"E0603 1:11"}},
};

class Mistake : public testing::TestWithParam<Case> {};

TEST_P(Mistake, HasItsCodeAndPlace) {
  Strings want = GetParam().want;
  Strings found = mistakes(GetParam().text);
  std::sort(want.begin(), want.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, want) << report(GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Elaboration, Mistake, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// What the command line names has no place in the text.
TEST(CommandLine, AHyperThatIsNotThere) {
  ElabOptions options;
  options.hypers = {{"widht", "3"}};
  const std::string text = "hyper width = 3\nexport fn f(x: f32[width]) { x }";
  EXPECT_EQ(mistakes(text, options), Strings{"E0503 0:0"});
  EXPECT_NE(report(text, options).find("did you mean `width`?"), std::string::npos) << report(text, options);
}

// What is set from outside lies in the domain; the message says which that is. What weights were trained with stays.
TEST(CommandLine, AHyperOutsideOfItsDomain) {
  const auto said = [](const std::string& hyper, const std::string& value) {
    ElabOptions options;
    options.hypers = {{"h", value}};
    return report("hyper h = " + hyper + "\nexport fn f(x: f32[3]) { h * x }", options);
  };
  const auto expect = [&](const std::string& hyper, const std::string& value, const std::string& domain) {
    const std::string text = said(hyper, value);
    EXPECT_NE(text.find("error[E0507]: `--set h=" + value + "` is outside of the domain " + domain + " of `h`"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("test.nn:1:"), std::string::npos) << text;
  };
  expect("1e-3 in log(1e-4 .. 1e-2)", "-1", "log(0.0001 .. 0.01)");
  expect("1e-3 in log(1e-4 .. 1e-2)", "0.02", "log(0.0001 .. 0.01)");
  expect("0.5 in 0.0 .. 1.0", "1.5", "0 .. 1");
  expect("2 in [1, 2]", "3", "[1, 2]");
  for (const char* end : {"0.0001", "1e-2"}) EXPECT_EQ(said("1e-3 in log(1e-4 .. 1e-2)", end), "");
  EXPECT_EQ(said("1e-3", "-1"), "");
  EXPECT_NE(said("1e-3", "nan").find("`h` is a number, and `nan` was given"), std::string::npos);
  ElabOptions trained;
  trained.trained = {{"h", "3"}};
  EXPECT_EQ(report("hyper h = 2 in [1, 2]\nexport fn f(x: f32[3]) { h * x }", trained), "");
}

TEST(Report, AnUnknownSettingOfASearchIsSuggested) {
  const std::string text = report("train fit(steps = 1) { let loss = 1.0 }\nsearch fit(trails = 10)");
  EXPECT_NE(text.find("did you mean `trials`?"), std::string::npos) << text;
}

TEST(Report, ALossByAnotherNameIsSuggested) {
  const std::string text = report(
      "let net = dense[3]\ntrain fit(steps = 3) {\n let x: [2, 4] = normal\n let Loss = mean(net(x))\n net = sgd(net, "
      "grad(Loss, net))\n}");
  EXPECT_NE(text.find("is `Loss` meant?"), std::string::npos) << text;
}

TEST(Report, ContractionNamesBothShapesAndAxes) {
  const std::string text = report(
      "fn g(x: [B, 784], w: [512, 128]) { x @ w }\nexport fn f(x: f32[B <= 4, 784], w: f32[512, 128]) { g(x, w) }");
  EXPECT_NE(text.find("`@` contracts 784 with 512"), std::string::npos) << text;
  EXPECT_NE(text.find("`w`: [512, 128], its axis 0 is 512"), std::string::npos) << text;
  EXPECT_NE(text.find("`x`: [B, 784], its axis 1 is 784"), std::string::npos) << text;
}

TEST(Report, ALibraryErrorIsShownAtTheCall) {
  const std::string text = report("export fn f(x: f32[B <= 4, 3], y: i32[B]) {\n mean(y)\n}");
  EXPECT_NE(text.find("test.nn:2:2"), std::string::npos) << text;
  EXPECT_NE(text.find("it happens in the library"), std::string::npos) << text;
}

TEST(Report, SecondUnlabelledShowsALabel) {
  EXPECT_NE(
      report(
          "layer m(x: [B, 4]) { x |> dense[10] |> dense[3] }\nlet net = m\nexport fn f(x: f32[B <= 4, 4]) { net(x) }")
          .find("name it: `dense2: dense"),
      std::string::npos);
}

}  // namespace
}  // namespace nnc::test
