"""python/nncmodel.py on two libraries. usage: module.py PART WHOLE WEIGHTS"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from nncmodel import Model, ModelError  # noqa: E402

part, whole, weights = Model(sys.argv[1], seed=1), Model(sys.argv[2], "whole", seed=3), sys.argv[3]
whole.save(weights)
part.load(weights)
assert (part["net.head.w"] == whole["net.head.w"]).all() and "tune.adam.k" in part.paths
assert whole.exports == ["net"] and set(part.exports) == {"f", "F", "wave", "tune", "stream", "clear"}
assert part.sizes("f") == {"B": 8} and part.inputs("f", B=5) == [("x", "float32", (5, 3), 0)]
assert part.description["trains"] == [] and whole.description["trains"]
x, y = [[1, -1, 2], [0, 3, -2]], [[1, 0], [0, 1]]
assert part.call("f", x)[0].shape == (2, 2)
losses = [part.call("tune", x, y, 0.05)[0] for _ in range(100)]  # a number for the input `lr`
assert losses[-1] < losses[0] / 2
assert part.call("clear") == [] and not part["net.head.w"].any()
part["net.head.w"] = whole["net.head.w"]
assert (part["net.head.w"] == whole["net.head.w"]).all()
part.save_checkpoint(weights + ".checkpoint")
count = part["tune.adam.k"]
part.load(weights)
part.call("tune", x, y, 0.05)
assert part["tune.adam.k"] == count + 1
part.load_checkpoint(weights + ".checkpoint")
assert part["tune.adam.k"] == count
part.init(5)
assert part.get_scalar("seed") == 5
for call, text in (
        (lambda: part.call("g", x), "there is no `g`; there are "),
        (lambda: part.call("f"), "f takes 1 inputs: x"),
        (lambda: part.call("f", [[1, 2]]), "x is (1, 2), wanted (1, 3)"),
        (lambda: part.call("f", x, C=2), "f has no size `C`"),
        (lambda: part.call("f", x * 5), "f: B is 10, allowed are 0 to 8"),
        (lambda: part.__setitem__("net.head.w", [1, 2]), "net.head.w is [4, 2], not [2]"),
        (lambda: part["net.tail.w"], "there is no variable `net.tail.w`"),
        (lambda: Model(sys.argv[1], "other"), "has no model `other`"),
):
    try:
        call()
    except ModelError as e:
        assert text in str(e), (text, str(e))
    else:
        raise AssertionError(text)
print("all right")
