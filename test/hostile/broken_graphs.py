"""IR text (.nnir) that is cut off, lies about its types, or asks for more than there is."""
import re

from case import Case

GOOD = """module "m"
param "w" : f32[3, 3]
scalar "lr" : f32 = 0.1

func "f" export(B <= 4, T <= 5) {
  %w = leaf {kind="param", name="w"} : f32[3, 3]
  %h0 = leaf {kind="input", name="h"} : f32[B, 3]
  %x = leaf {kind="input", name="x"} : f32[T, B, 3]
  %c = const {value=[1.5, 2, -3]} : f32[3]
  %r:2 = scan(%w, %h0, %x) {count=T, consts=1, carries=1, reverse=false} : f32[B, 3], f32[T, B, 3] {
    %w = arg {index=0} : f32[3, 3]
    %h = arg {index=1} : f32[B, 3]
    %x = arg {index=2} : f32[B, 3]
    %d = dot(%h, %w) {contract_a=[1], contract_b=[0]} : f32[B, 3]
    %n = tanh(%d) : f32[B, 3]
    return %n, %n
  }
  return %r#0, %r#1
}
"""
BODY = 'module "m"\nfunc "f" export(B <= 4) {\n  %%x = leaf {kind="input", name="x"} : f32[B, 3, 4]\n  %s\n  return %%y\n}\n'
HUGE = 2**62

# Name → node that follows %x : f32[B, 3, 4], code ("": any).
NODES = {
    "an unknown op": ("%y = tahn(%x) : f32[B, 3, 4]", "E0702"),
    "an unknown operand": ("%y = tanh(%z) : f32[B, 3, 4]", "E0702"),
    "a value of itself": ("%y = tanh(%y) : f32[B, 3, 4]", "E0702"),
    "a result that is not there": ("%y = tanh(%x#7) : f32[B, 3, 4]", ""),
    "a result number of 2^64": ("%y = tanh(%x#18446744073709551616) : f32[B, 3, 4]", ""),
    "a stated type that lies": ("%y = tanh(%x) : f32[B, 3, 5]", "E0703"),
    "a stated rank that lies": ("%y = tanh(%x) : f32[B, 3]", "E0703"),
    "two results of one": ("%y:2 = tanh(%x) : f32[B, 3, 4], f32[B, 3, 4]", ""),
    "no operands": ("%y = tanh() : f32[B, 3, 4]", ""),
    "a million operands": ("%y = add(" + ", ".join(["%x"] * 1_000_000) + ") : f32[B, 3, 4]", ""),
    "an unknown type": ("%y = tanh(%x) : f33[B, 3, 4]", ""),
    "an extent below zero": ("%y = tanh(%x) : f32[-1]", ""),
    "an extent beyond 64 bits": ("%y = tanh(%x) : f32[99999999999999999999]", ""),
    "a rank of 1000": (f"%y = tanh(%x) : f32[{', '.join(['1'] * 1000)}]", ""),
    "a dimension of degree 1000": (f"%y = tanh(%x) : f32[{'*'.join(['B'] * 1000)}]", ""),
    "an unknown symbol": ("%y = tanh(%x) : f32[C, 3, 4]", ""),
    "an unknown attribute": ("%y = tanh(%x) {speed=3} : f32[B, 3, 4]", ""),
    "a missing attribute": ("%y = transpose(%x) : f32[B, 4, 3]", ""),
    "an attribute of another kind": ('%y = transpose(%x) {perm="abc"} : f32[B, 4, 3]', ""),
    "an attribute of a million numbers": (f"%y = transpose(%x) {{perm=[{', '.join(['1'] * 1_000_000)}]}} : f32[B, 4, 3]", ""),
    "a permutation that repeats": ("%y = transpose(%x) {perm=[0, 0, 1]} : f32[B, B, 3]", ""),
    "a permutation beyond the axes": ("%y = transpose(%x) {perm=[0, 1, 9]} : f32[B, 3, 4]", ""),
    "a permutation below zero": ("%y = transpose(%x) {perm=[0, 1, -1]} : f32[B, 3, 4]", ""),
    "a reshape that does not fit": ("%y = reshape(%x) {shape=[B, 13]} : f32[B, 13]", ""),
    "a reshape to 2^62": (f"%y = reshape(%x) {{shape=[{HUGE}, {HUGE}]}} : f32[{HUGE}, {HUGE}]", ""),
    "a broadcast to 2^62": (f"%y = broadcast(%x) {{axes=[0], extents=[{HUGE}]}} : f32[{HUGE}, B, 3, 4]", ""),
    "a broadcast along no axis": ("%y = broadcast(%x) {axes=[99], extents=[2]} : f32[B, 3, 4]", ""),
    "a sum over an axis twice": ("%y = sum(%x) {axes=[1, 1]} : f32[B]", ""),
    "a sum over no axis": ("%y = sum(%x) {axes=[7]} : f32[B]", ""),
    "a slice beyond the end": ("%y = slice(%x) {lo=[0, 2, 0], hi=[B, 9, 4], stride=[1, 1, 1]} : f32[B, 7, 4]", ""),
    "a slice from 2^62": (f"%y = slice(%x) {{lo=[0, {HUGE}, 0], hi=[B, {HUGE + 1}, 4], stride=[1, 1, 1]}} : f32[B, 1, 4]", ""),
    "a padding of 2^62": (f"%y = pad(%x) {{lo=[0, {HUGE}, 0], hi=[0, {HUGE}, 0], interior=[0, 0, 0], value=0.0}} : f32[B, 3, 4]", ""),
    "a contraction over no axis": ("%y = dot(%x, %x) {contract_a=[9], contract_b=[9]} : f32[]", ""),
    "a contraction of unequal axes": ("%y = dot(%x, %x) {contract_a=[1], contract_b=[2]} : f32[B, 4, B, 3]", ""),
    "a window of 2^62": (f"%y = window(%x) {{axes=[1], size=[{HUGE}], stride=[1], dilation=[1]}} : f32[B, 3, 4]", ""),
    "a stride of zero": ("%y = window(%x) {axes=[1], size=[2], stride=[0], dilation=[1]} : f32[B, 2, 2, 4]", ""),
    "a dilation of 2^62": (f"%y = window(%x) {{axes=[1], size=[2], stride=[1], dilation=[{HUGE}]}} : f32[B, 3, 4]", ""),
    "a stride below zero": ("%y = slice(%x) {lo=[0, 0, 0], hi=[B, 3, 4], stride=[1, -1, 1]} : f32[B, 3, 4]", ""),
    "an interior of 2^62": (f"%y = pad(%x) {{lo=[0, 0, 0], hi=[0, 0, 0], interior=[0, {HUGE}, 0], value=0.0}} : f32[B, 3, 4]", ""),
    "a reversal of no axis": ("%y = reverse(%x) {axes=[5]} : f32[B, 3, 4]", ""),
    "a concatenation of no axis": ("%y = concat(%x, %x) {axis=9} : f32[B, 3, 4]", ""),
    "a sort along no axis": ("%y:2 = sort(%x) {axis=-1} : f32[B, 3, 4], i32[B, 3, 4]", ""),
    "a gather by floats": ("%y = gather(%x, %x) {axis=0, batch=0} : f32[B, 3, 4]", ""),
    "a gather with more batch axes than there are": ("%i = cast(%x) {dtype=i32} : i32[B, 3, 4]\n  %y = gather(%x, %i) {axis=0, batch=9} : f32[B, 3, 4]", ""),
    "a gradient by nothing": ("%y = grad(%x) : f32[B, 3, 4]", ""),
    "a condition that is no bool": ("%y = cond(%x) : f32[B, 3, 4] { return } { return }", ""),
    "a cast to nothing": ("%y = cast(%x) {dtype=f31} : f32[B, 3, 4]", ""),
    "a sum of an integer and a float": ("%i = cast(%x) {dtype=i32} : i32[B, 3, 4]\n  %y = add(%x, %i) : f32[B, 3, 4]", "E0703"),
    "a constant with too few numbers": ("%y = const {value=[1, 2]} : f32[3]", ""),
    "a constant of words": ('%y = const {value="abc"} : f32[3]', ""),
    "a constant of 2^59 elements": (f"%y = const {{value=[1]}} : f32[{2**59}]", ""),
    "an iota of 2^62": (f"%y = iota {{axis=0}} : i32[{HUGE}]", ""),
    "a parameter that is not declared": ('%y = leaf {kind="param", name="v"} : f32[3]', ""),
    "a leaf of an unknown kind": ('%y = leaf {kind="magic", name="v"} : f32[3]', ""),
    "a region where none belongs": ("%y = tanh(%x) : f32[B, 3, 4] { return }", ""),
    "a scan of 2^62 rounds": (f"%y = scan(%x) {{count={HUGE}, consts=1, carries=0, reverse=false}} : f32[3] {{ return }}", ""),
    "a scan of a million carries": ("%y = scan(%x) {count=3, consts=0, carries=1000000, reverse=false} : f32[B, 3, 4] { return }", ""),
    "an argument below zero": ("%y = scan(%x) {count=3, consts=0, carries=1, reverse=false} : f32[B, 3, 4] {\n"
                               "%a = arg {index=-1} : f32[B, 3, 4]\nreturn %a }", ""),
    "an argument of 2^62": ("%y = scan(%x) {count=3, consts=0, carries=1, reverse=false} : f32[B, 3, 4] {\n"
                            f"%a = arg {{index={HUGE}}} : f32[B, 3, 4]\nreturn %a }}", ""),
}
TEXTS = {
    "a NUL": ("\0", ""),
    "a megabyte of NUL": ("\0" * (1 << 20), ""),
    "an escape sequence": ('module "\x1b[2J', ""),
    "an open text": ('module "m', ""),
    "a text of a megabyte": ('module "' + "x" * (1 << 20), ""),
    "two functions of one name": ('module "m"\nfunc "f" export() { return }\nfunc "f" export() { return }\n', ""),
    "two parameters of one name": ('module "m"\nparam "w" : f32[3]\nparam "w" : f32[4]\n', ""),
    "two values of one name": (BODY % "%y = tanh(%x) : f32[B, 3, 4]\n  %y = tanh(%x) : f32[B, 3, 4]", ""),
    "a bound below zero": ('module "m"\nfunc "f" export(B <= -4) { return }\n', ""),
    "a bound beyond 64 bits": ('module "m"\nfunc "f" export(B <= 99999999999999999999) { return }\n', ""),
    "one symbol twice": ('module "m"\nfunc "f" export(B <= 4, B <= 5) { return }\n', ""),
    "a parameter with a symbol": ('module "m"\nparam "w" : f32[B]\n', ""),
    "a function without an end": ('module "m"\nfunc "f" export() {', ""),
    "a return of nothing known": ('module "m"\nfunc "f" export() { return %q }\n', "E0702"),
    "a hundred thousand brackets": ('module "m"\nfunc "f" export() ' + "{" * 100_000, ""),
    "regions a hundred thousand deep": (BODY % ("%y = scan(%x) {count=1, consts=0, carries=1, reverse=false} : f32[B, 3, 4] { " * 100_000), ""),
    "lists a hundred thousand deep": (BODY % ("%y = transpose(%x) {perm=" + "[" * 100_000), ""),
    "a name of a million letters": (BODY % ("%y = tanh(%" + "q" * 1_000_000 + ") : f32[B, 3, 4]"), ""),
}


def cases():
    def case(name, text, code):
        content = text if isinstance(text, bytes) else text.encode()
        says = rf"error\[{code or 'E07[0-9]{2}'}\].*\n +--> m\.nnir:[0-9]+:[0-9]+\n"
        return Case(f"nnir: {name}", {"m.nnir": content}, ["nnc-opt", "m.nnir", "--passes=default", "--plan"], (1,), says, 3)

    for name, (node, code) in NODES.items():
        yield case(name, BODY % node, code)
    for name, (text, code) in TEXTS.items():
        yield case(name, text, code)
    yield case("bytes that are no UTF-8", b'module "\xff\xfe"\n' + BODY.encode(), "")
    pieces = re.findall(r"\s+|\w+|.", GOOD)
    body = GOOD.index("func")
    starts = [i for i in range(3, len(pieces)) if len("".join(pieces[:i])) > body and "".join(pieces[i:]).strip() != ""]
    for cut in starts[:: len(starts) // 24]:
        yield case(f"cut off at piece {cut}", "".join(pieces[:cut]), "")
