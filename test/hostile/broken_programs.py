"""Programs (.nn) that are no text, nest without end, or ask for more than there is."""
import re

from case import Case

F = "export fn f(x: f32[B <= 4, 3]) { %s }"
DEEP = 50_000
FINE = "fine"  # no mistake, but much to do for a careless compiler: taken
# A function that calls the one before it twice: 2^40 calls from a few lines.
TWICE = "fn f0(x) { x + 1 }\n" + "".join(f"fn f{i + 1}(x) {{ f{i}(f{i}(x)) }}\n" for i in range(40)) + F % "f40(x)"
TUPLES = F % ("var t = (x, x)\n" + "for i in 40 { t = (t, t) }\n" + "sum(t)")
LAYERS = "layer m0(x: [B, 3]) { x |> dense[3] }\n" + "".join(
    f"layer m{i + 1}(x: [B, 3]) {{ x |> a: m{i} |> b: m{i} }}\n" for i in range(40)) + "let net = m40\n" + F % "net(x)"

# Name → text, code, and the line and column of the message ("" for any).
TEXT = {
    "nothing": (b"", FINE, ""),
    "nothing but a mark": (b"\xef\xbb\xbf\xff", "E0001", ""),
    "a lone continuation byte": (b"let a = 1\n# \x80\n", "E0001", "2:3"),
    "a sequence cut off at the end": (b"let a = 1 # \xe2\x82", "E0001", "1:13"),
    "an overlong slash": (b'let a = "\xc0\xaf"', "E0001", "1:10"),
    "a surrogate": (b"# \xed\xa0\x80", "E0001", "1:3"),
    "beyond the last code point": (b"# \xf4\x90\x80\x80", "E0001", "1:3"),
    "Latin-1": ("let größe = 3".encode("latin-1"), "E0001", "1:7"),
    "UTF-16": ("let a = 1\n".encode("utf-16"), "E0001", "1:1"),
    "UTF-16 without a mark": ("let a = 1\n".encode("utf-16-le"), "E0005", "1:2"),
    "a NUL at the start": (b"\0let a = 1", "E0005", "1:1"),
    "a NUL in a name": (b"let a\0b = 1", "E0005", "1:6"),
    "a NUL in a text": (b'data d from csv("a\0b") { x: f32 = raw.x }', "E0005", "1:19"),
    "a megabyte of NUL": (bytes(1 << 20), "E0005", "1:1"),
    "an escape sequence": (b"let a = \x1b[31m1", "E0005", "1:9"),
    "an escape sequence in a text": (b'use a\nlet a = "\x1b[2J"', "", ""),
    "a right-to-left mark": ("let a = \u202e1".encode(), "E0005", "1:9"),
    "an ELF file": (b"\x7fELF\x02\x01\x01" + bytes(100), "E0005", "1:1"),
    "a gzip file": (b"\x1f\x8b\x08\x00" + bytes(100), "E0001", "1:2"),
    "a file too large": (b" " * ((1 << 20) + 1), "E0602", "1:1"),
    "a name of a megabyte": (b"let a = " + b"a" * 1_000_000, "E0101", ""),
    "a number of a million digits": (b"let a = " + b"9" * 1_000_000, "E0008", "1:9"),
    "a number beyond f64": (F % "x * 1e999999999", "E0008", "1:38"),
    "an open text of a megabyte": (b'let a = "' + b"x" * 1_000_000, "E0006", "1:9"),
    "a million commas": (b"let a = (" + b"," * 1_000_000, "", ""),
    "a hundred thousand bad lines": (b"let = \n" * 100_000, "E0025", ""),
    "a line of a megabyte with a mistake": (b"let a = (" + b"b + " * 250_000 + b"$)", "", ""),
    "cut off in a definition": (b"layer m(x: [B, 3", "E0003", "1:12"),
    "cut off after an operator": (b"let a = 1 +", "E0002", ""),
    "cut off after a pipe": (b"let a = b |>", "E0002", ""),
    "nothing but a bracket": (b"{", "", "1:1"),
    "nothing but a colon": (b":", "", "1:1"),
}
NESTED = {name: ("let a = " + opener * DEEP, "E0601", "") for name, opener in {
    "parentheses": "(", "brackets": "[", "braces": "{", "minus signs": "- ", "nots": "not ", "powers": "a^", "ifs": "if a { ",
    "calls": "f(", "functions": "fn(x) { ", "tuples": "((a, b), ", "loops": "for i in 3 { ", "ifs in ifs": "if a { if b { ", "indices": "a[", "groups": "view[(("}.items()}
CHAINS = {name: ("let a = b" + link * DEEP, code, "") for name, link, code in [
    ("sums", " + b", "E0601"), ("pipes", " |> b", "E0601"), ("parts", ".b", "E0601"), ("transpositions", "'", "E0601"),
    ("else ifs", " else if b { 1 }", ""), ("closers", ")", "E0004"), ("comparisons", " < b", "E0019"), ("ranges", "..b", "")]}
ENDLESS = {
    "a function of itself": ("fn g(x) { g(x) }\n" + F % "g(x)", "E0603", ""),
    "functions of each other": ("fn g(x) { h(x) }\nfn h(x) { g(x) }\n" + F % "g(x)", "E0603", ""),
    "a layer of itself": ("layer m(x: [B, 3]) { x |> m }\nlet net = m\n" + F % "net(x)", "E0603", ""),
    "layers of each other": ("layer m(x) { x |> n }\nlayer n(x) { x |> m }\nlet net = m\n" + F % "net(x)", "E0603", ""),
    "a function made by itself": ("fn g(f) { g(fn(x) { f(x) }) }\n" + F % "g(relu)", "E0603", ""),
    "a let of itself": ("let a = a + 1\n" + F % "x + a", "", ""),
    "lets of each other": ("let a = b\nlet b = a\n" + F % "x + a", "", ""),
    "a file that uses itself": ("use m\n" + F % "x", "E0107", "1:1"),
    "a used file that is a folder": ("use d\n" + F % "x", "E0107", "1:1"),
    "a default of itself": ("fn g(x, n = g(x)) { x }\n" + F % "g(x)", "E0603", ""),
    "two to the fortieth calls": (TWICE, "E0606", ""),
    "two to the fortieth layers": (LAYERS, "E0606", ""),
    "two to the fortieth parts of a tuple": (TUPLES, "E0218", ""),
    "a recursion a million deep": ("fn g(n, x) { if n == 0 { x } else { g(n - 1, x + 1) } }\n" + F % "g(1000000, x)", "E0603", ""),
    "a loop of a million layers": ("layer m(x: [B, 3]) { var y = x\nfor i in 1000000 { y = h[i]: dense[3](y) }\ny }\nlet net = m\n" +
                                   F % "net(x)", "E0604", "2:10"),
    "loops in loops": (F % "var y = x\nfor i in 9 { for j in 9 { for k in 9 { for l in 9 { for m in 9 { for n in 9 { y = "
                       "if i + j + k + l + m + n == 0 { y } else { y + 1 } } } } } } }\ny", FINE, ""),
}
LARGE = {name: (text, code, "") for name, text, code in [
    ("an extent of 2^63", "export fn f(x: f32[9223372036854775808]) { x }", "E0008"),
    ("an extent of 2^63 - 1", "export fn f(x: f32[9223372036854775807]) { x }", ""),
    ("extents that overflow", "export fn f(x: f32[4294967296, 4294967296]) { x + 1 }", ""),
    ("a bound of 2^63 - 1", "export fn f(x: f32[B <= 9223372036854775807, 4]) { x + 1 }", ""),
    ("a bound below zero", "export fn f(x: f32[B <= -1]) { x }", ""),
    ("an extent below zero", "export fn f(x: f32[-3]) { x }", ""),
    ("a symbol times itself", "export fn f(x: f32[B <= 1000000]) { let n = B*B*B*B*B\nlet z: [n] = 0\nsum(z) + x }", ""),
    ("an extent that overflows in arithmetic", F % "let z: [9223372036854775807 * 2] = 0\nsum(z) + x", ""),
    ("the least number divided by -1", F % "let n = (-9223372036854775807 - 1) // (-1)\nx * n", FINE),
    ("a remainder by zero", F % "let n = 5 % 0\nx * n", ""),
    ("a division by zero", F % "let n = 5 // 0\nx * n", ""),
    ("a power that overflows", F % "let n = 10^40\nlet z: [n] = 0\nsum(z) + x", ""),
    ("a power of a power", F % "let n = 9^9^9^9\nx * n", FINE),
    ("a parameter of 2^60 elements", "layer m(x: [B, 3]) { param w: [3, 1152921504606846976] = 0\nx @ w }\nlet net = m\n" +
     F % "net(x)", ""),
    ("a tensor of 2^40 zeros", F % "let z: [1099511627776] = 0\nsum(z) + x", FINE),
    ("a tensor of 2^40 numbers", F % "sum(iota(1099511627776)) + i32(x)", FINE),
    ("a stack of a million", F % "sum(for i in 1000000 { x })", FINE),
    ("a tensor of 300 axes", "export fn f(x: f32[%s]) { x + 1 }" % ", ".join(["1"] * 300), ""),
    ("a view of 2000 axes", F % ("x |> view[B (3 %s) -> B (3 %s)]" % ("1 " * 2000, "1 " * 2000)), ""),
    ("a kernel wider than its image", "layer m(x: [B, 1, 8, 8]) { x |> conv[4, 99] }\nlet net = m\n"
     "export fn f(x: f32[B <= 2, 1, 8, 8]) { net(x) }", FINE),
    ("a stride of zero", "layer m(x: [B, 1, 8, 8]) { x |> conv[4, 3, stride = 0] }\nlet net = m\n"
     "export fn f(x: f32[B <= 2, 1, 8, 8]) { net(x) }", ""),
    ("a padding of 2^62", "layer m(x: [B, 1, 8, 8]) { x |> conv[4, 3, pad = 4611686018427387904] }\nlet net = m\n"
     "export fn f(x: f32[B <= 2, 1, 8, 8]) { net(x) }", ""),
    ("an index of 2^62", F % "x[:, 4611686018427387904]", "E0208"),
    ("a range backwards", F % "x[:, 2..1]", ""),
    ("a loop of 2^62 rounds", F % "var y = x\nfor i in 4611686018427387904 { y = y + 1 }\ny", ""),
    ("a loop of 2^62 results", F % "sum(for i in 4611686018427387904 { sum(x) })", ""),
    ("a repetition of 2^62", F % "let z: [B, 3, 4611686018427387904] = 1\nsum[-1](z) + x", ""),
    ("a batch of zero", "train fit(batch = 0, steps = 1) { let loss = 1.0 }", ""),
    ("a batch below zero", "train fit(batch = -3, steps = 1) { let loss = 1.0 }", ""),
    ("a batch of 2^62", "train fit(batch = 4611686018427387904, steps = 1) { let loss = 1.0 }", ""),
    ("steps below zero", "train fit(steps = -1) { let loss = 1.0 }", ""),
    ("a fraction of epochs", "train fit(epochs = 0.5, steps = 1) { let loss = 1.0 }", ""),
    ("a window below zero", 'data d from text("a", window = -1) { t: u8[3] = raw.text }', ""),
    ("a window of 2^62", 'data d from text("a", window = 4611686018427387904) { t: u8[3] = raw.text }', ""),
    ("folds of 2^62", 'data d from csv("a", folds = 4611686018427387904, fold = 0) { t: f32 = raw.t }', ""),
    ("a validation of -1 rows", 'data d from csv("a", valid = -1) { t: f32 = raw.t }', ""),
    ("a separator of two letters", 'data d from csv("a", separator = "ab") { t: f32 = raw.t }', ""),
    ("a hyper without a domain", "hyper a = 1 in log(0 .. 1)\n" + F % "x * a", "E0507"),
    ("a permutation of one axis twice", F % "op.transpose[perm = (0, 0)](x)", ""),
    ("a draw of 2^62", F % "let z: [4611686018427387904] = normal\nsum(z) + x", ""),
    ("a sort along an axis that is not there", F % "sort[7](x)", ""),
    ("a number too large for its type", "export fn f(x: u8[B <= 4]) { x + 4294967296 }", "E0220"),
    ("a hundred thousand functions", "".join(f"fn g{i}(x) {{ x }}\n" for i in range(DEEP)) + F % "y", ""),
    ("a hundred thousand lets", F % ("\n".join(f"let a{i} = {i}" for i in range(DEEP)) + "\ny"), ""),
]}


def cases():
    for group, table in (("text", TEXT), ("nested", NESTED), ("chained", CHAINS), ("endless", ENDLESS), ("large", LARGE)):
        for name, (text, code, at) in table.items():
            content = text if isinstance(text, bytes) else text.encode()
            files = {"m.nn": content}
            if "folder" in name:
                files["d.nn/x"] = b""
            says = rf"error\[{code or 'E[0-9]{4}'}\].*\n +--> (m\.nn|.*):{re.escape(at) if at else '[0-9]+:[0-9]+'}\n"
            yield Case(f"nn, {group}: {name}", files, ["nnc", "m.nn"], (0,) if code == FINE else (1,), says, 51 if "bad lines" in name else 2)
