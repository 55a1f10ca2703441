"""The table of short runs: how each example is trained for a moment, what it must reach, and where the mutants of its bars cut it.

A bar stands between what the example reaches with any seed and what it reaches with a broken gradient. Mutants are the example with `cut`
put into a pipe or around a value: the same values, but below it the gradient is nothing, or has the other sign.
"""
import dataclasses

STOP, FLIP = "fn cut(x) { stop(x) + 0 * x }", "fn cut(x) { 2 * stop(x) - x }"


@dataclasses.dataclass
class Short:
    """`bars`: (metric, "<" or ">", value). `cuts`: name to (text of the source, the text with the cut); the last of the layers comes first,
    and is also cut by a flip."""
    bars: list
    cuts: dict
    options: str = "--epochs 1"
    rows: int = 0  # training images, those that validate among them


def pipe(**before):
    """Cuts before stages of a pipe."""
    return {name: (f"|> {stage}", f"|> cut |> {stage}") for name, stage in before.items()}


def value(source):
    return source, f"cut({source})"


IMAGES = dict(generator_last=("|> c2: conv_t", "|> cut |> c2: conv_t"), generator=("|> c1: conv_t", "|> cut |> c1: conv_t"),
              judge_last=("|> head:", "|> cut |> head:"), judge=("|> c2: conv[", "|> cut |> c2: conv["))
HALFWAY = ("= x |> h[i]:", "= (if i == depth / 2 { cut(x) } else { x }) |> h[i]:")

# Above each: what the seeds 1 … 4 reach | the best mutant.
SHORT = {
    # 0.0230 … 0.0236 | 0.034
    "autoencoder": Short([("valid loss", "<", 0.028)], pipe(last="out:", middle="d1:"), "--epochs 2", 5000 + 100 * 128),
    # 1.88 … 1.95 and 0.0078 … 0.0081 | 3.9, or 0 where only the embedding stands still
    "char_lstm": Short([("valid loss", "<", 2.5), ("moved net.embed.w", ">", 0.004)], pipe(last="head:", middle="lstm_from"),
                       "--epochs 2 --set width=128 --set lr=5e-3"),
    # 0.147 … 0.171 and 0.37 … 0.55 | 0.192, or 4.3 where the judge learns to be wrong
    "dcgan": Short([("likeness", "<", 0.178), ("train loss", "<", 1.5)],
                   IMAGES | {"between": ("-disc(fake)", "-disc(cut(fake))")}, rows=70 * 128),
    # 0.54 … 0.57 | 0.80
    "fashion_cnn": Short([("train loss", "<", 0.66)], pipe(last="head:", middle="flatten"),
                         "--epochs 4 --set width=16 --set lr=0.01 --set drop=0.0", 5000 + 60 * 128),
    # 0.48 … 0.51 | 0.64
    "fashion_mlp": Short([("valid loss", "<", 0.57)], pipe(last="head:", middle="h2:"), "--epochs 2", 5000 + 100 * 128),
    # 1.61 … 1.64 | 2.50
    "gpt": Short([("valid loss", "<", 2.0)], {"last": ("layer_norm) @", "layer_norm |> cut) @"), "middle": HALFWAY}, "--epochs 2"),
    # 0.27 … 0.28 | 0.69
    "logistic": Short([("train loss", "<", 0.45)], pipe(last="view[B 1"), "--epochs 10"),
    # 0.53 … 0.54 | 1.73
    "optimizers": Short([("valid loss", "<", 0.9)], pipe(last="head:"), "--epochs 2", 5000 + 100 * 128),
    # 0.81 … 0.84 | 0.94
    "recurrent": Short([("valid loss", "<", 0.89)], pipe(last="head:", middle="s2:"), "--epochs 2", 5000 + 40 * 128),
    # 0.64 … 0.82 | 0.14
    "regression": Short([("train r2", ">", 0.4)], pipe(last="head:"), "--epochs 100"),
    # 0.50 … 0.52 | 0.68
    "regularised_mlp": Short([("valid loss", "<", 0.6)], pipe(last="head:", middle="h2:"), "--epochs 2", 5000 + 100 * 128),
    # 0.33 … 0.40 | 0.20
    "resnet": Short([("valid accuracy", ">", 0.27)], pipe(last="head:", middle="g3:"), rows=5000 + 40 * 128),
    # 1.78 … 1.84 | 2.00
    "separable": Short([("train loss", "<", 1.92)], pipe(last="head:", middle="u4:"), "--epochs 2", 5000 + 32 * 128),
    # 0.79 … 0.84 | 0.43
    "sort_digits": Short([("strings", ">", 0.65)],
                         pipe(last="head:") | {"middle": value("encode: encoder(source)")}, "--epochs 1 --stop-after 100"),
    # 0.32 | 1.00
    "svm": Short([("train loss", "<", 0.5)], pipe(last="view[B 1"), "--epochs 10"),
    # 276 … 278 | 390
    "vae": Short([("valid loss", "<", 330)], pipe(last="out:", middle="dec: decoder,"), "--epochs 2", 5000 + 100 * 128),
    # 1.02 … 1.08 | 1.46
    "vit": Short([("valid loss", "<", 1.25)], pipe(last="head:") | {"middle": HALFWAY}, rows=5000 + 60 * 128),
    # 0.161 … 0.170 | 0.191
    "wgan_gp": Short([("likeness", "<", 0.18)], IMAGES | {"between": ("crit(gen(z))", "crit(cut(gen(z)))")}, rows=94 * 64),
    # 2.95 … 3.13 | 3.81
    "word_embedding": Short([("valid loss", "<", 3.45)],
                            {"last": value("mean[1](w[context])"), "other": ("@ w' + b", "@ cut(w') + b")}, "--epochs 2"),
}


def mutants(name):
    """(cut, kind) of all mutants of an example."""
    cuts = list(SHORT[name].cuts)
    return [(cut, "stop") for cut in cuts] + [(cut, "flip") for cut in cuts if "last" in cut]


def mutated(name, source, cut, kind):
    """The source of an example with one cut."""
    before, after = SHORT[name].cuts[cut]
    if source.count(before) != 1:
        raise SystemExit(f"{name}.nn has `{before}` {source.count(before)} times: the cut `{cut}` of example_bars.py has no place")
    return source.replace(before, after) + "\n" + (STOP if kind == "stop" else FLIP) + "\n"
