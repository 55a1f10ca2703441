"""The models of bench/models in JAX, a whole step in one jax.jit: same layers, Adam, data in memory.

usage: peers_jax.py MODEL [--rows N] [--steps N] [--repeat N] [--threads N]
Prints what peers_pytorch.py prints. Images are NHWC, as XLA likes them on a CPU. With one thread the process keeps to
one CPU, because XLA makes as many threads as it may use.
"""
import gzip
import os
import sys

import timing

if "--threads" in sys.argv and sys.argv[sys.argv.index("--threads") + 1] == "1":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

DATA = "/usr/share/datasets/fashion-mnist"


class Scope:
    """Parameters and state by name, made where they are first asked for, and keys for draws."""

    def __init__(self, params, state, key, training):
        self.params, self.state, self.key, self.training = params, state, key, training

    def draw(self):
        self.key, key = jax.random.split(self.key)
        return key

    def param(self, name, shape, scale=None):
        if name not in self.params:
            bound = (1 / np.prod(shape[:-1])) ** 0.5
            self.params[name] = (jax.random.uniform(self.draw(), shape, minval=-bound, maxval=bound) if scale is None
                                 else jnp.full(shape, scale))
        return self.params[name]

    def average(self, name, value, start):
        old = self.state.get(name, jnp.full(value.shape, start))
        self.state[name] = 0.9 * old + 0.1 * value
        return old


def dense(s, name, x, n, bias=True):
    y = x @ s.param(name + ".w", (x.shape[-1], n))
    return y + s.param(name + ".b", (n,), 0.0) if bias else y


def conv(s, name, x, n, k=3, stride=1, pad=1, groups=1):
    w = s.param(name + ".w", (k, k, x.shape[-1] // groups, n))
    y = lax.conv_general_dilated(x, w, (stride, stride), [(pad, pad)] * 2, feature_group_count=groups,
                                 dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + s.param(name + ".b", (n,), 0.0)


def conv_transposed(s, name, x, n):
    w = s.param(name + ".w", (4, 4, x.shape[-1], n))
    y = lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + s.param(name + ".b", (n,), 0.0)


def batch_norm(s, name, x):
    mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
    old = s.average(name + ".mean", mean, 0.0), s.average(name + ".variance", variance, 1.0)
    if not s.training:
        mean, variance = old
    scale = s.param(name + ".g", mean.shape, 1.0) * lax.rsqrt(variance + 1e-5)
    return (x - mean) * scale + s.param(name + ".c", mean.shape, 0.0)


def layer_norm(s, name, x):
    z = x - jnp.mean(x, -1, keepdims=True)
    z = z * lax.rsqrt(jnp.mean(z * z, -1, keepdims=True) + 1e-5)
    return z * s.param(name + ".g", x.shape[-1:], 1.0) + s.param(name + ".c", x.shape[-1:], 0.0)


def dropout(s, x, p):
    return jnp.where(jax.random.bernoulli(s.draw(), 1 - p, x.shape), x / (1 - p), 0) if s.training else x


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def flat(x):
    return x.reshape(len(x), -1)


def mlp(s, x):
    x = dropout(s, jax.nn.relu(dense(s, "h1", flat(x), 512)), 0.2)
    return dense(s, "head", dropout(s, jax.nn.relu(dense(s, "h2", x, 256)), 0.2), 10)


def cnn(s, x):
    for i, n in enumerate((32, 64)):
        x = max_pool(jax.nn.relu(batch_norm(s, f"n{i}", conv(s, f"c{i}", x, n))))
    return dense(s, "head", dropout(s, jax.nn.relu(dense(s, "fc", flat(x), 128)), 0.3), 10)


def residual(s, name, x, n, stride):
    y = jax.nn.relu(batch_norm(s, name + ".n1", conv(s, name + ".c1", x, n, 3, stride)))
    y = batch_norm(s, name + ".n2", conv(s, name + ".c2", y, n))
    return jax.nn.relu(y + (x if x.shape == y.shape else conv(s, name + ".skip", x, n, 1, stride, 0)))


def resnet(s, x):
    x = jax.nn.relu(batch_norm(s, "n", conv(s, "c", x, 16)))
    for n in (16, 32, 64):
        for i in range(3):
            x = residual(s, f"{n}.{i}", x, n, 2 if i == 0 and n > 16 else 1)
    return dense(s, "head", jnp.mean(x, (1, 2)), 10)


def separable(s, x):
    x = jax.nn.relu(batch_norm(s, "n", conv(s, "c", x, 32)))
    for i, (n, stride) in enumerate(((64, 1), (128, 2), (128, 1), (256, 2))):
        x = conv(s, f"d{i}", x, x.shape[-1], 3, stride, 1, x.shape[-1])
        x = jax.nn.relu(batch_norm(s, f"n{i}", x))
        x = jax.nn.relu(batch_norm(s, f"m{i}", conv(s, f"p{i}", x, n, 1, 1, 0)))
    return dense(s, "head", jnp.mean(x, (1, 2)), 10)


def lstm_layer(s, name, x, n):
    """[T, B, D] to [T, B, n]."""
    xw = dense(s, name + ".x", x, 4 * n)
    u = s.param(name + ".u", (n, 4 * n))

    def cell(carry, z):
        h, c = carry
        i, f, g, o = jnp.split(z + h @ u, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[1], n))
    return lax.scan(cell, (zero, zero), xw)[1]


def lstm(s, x):
    x = x[..., 0].transpose(1, 0, 2)
    return dense(s, "head", lstm_layer(s, "l2", lstm_layer(s, "l1", x, 128), 128)[-1], 10)


def block(s, name, x, heads, causal):
    b, t, d = x.shape
    qkv = dense(s, name + ".qkv", layer_norm(s, name + ".ln1", x), 3 * d)
    q, k, v = qkv.reshape(b, t, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) / (d // heads) ** 0.5
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -1e9)
    a = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(b, t, d)
    x = x + dropout(s, dense(s, name + ".out", a, d), 0.1)
    h = jax.nn.gelu(dense(s, name + ".up", layer_norm(s, name + ".ln2", x), 4 * d), approximate=False)
    return x + dropout(s, dense(s, name + ".down", h, d), 0.1)


def vit(s, x):
    x = conv(s, "proj", x, 64, 4, 4, 0).reshape(len(x), 49, 64)
    token = jnp.broadcast_to(s.param("token", (1, 1, 64)), (len(x), 1, 64))
    x = jnp.concatenate([token, x], 1) + s.param("place", (50, 64))
    for i in range(4):
        x = block(s, f"b{i}", x, 4, False)
    return dense(s, "head", layer_norm(s, "ln", x)[:, 0], 10)


def gpt(s, tokens):
    x = s.param("token", (128, 128))[tokens] + s.param("place", (128, 128))
    for i in range(4):
        x = block(s, f"b{i}", x, 4, True)
    return dense(s, "head", layer_norm(s, "ln", x), 128, bias=False)


def ae(s, x):
    x = flat(x)
    for i, n in enumerate((256, 64, 16, 64, 256, 784)):
        x = dense(s, f"d{i}", x, n)
        x = x if n in (16, 784) else jax.nn.relu(x)
    return x


def generator(s, z):
    x = dense(s, "gen.fc", z, 7 * 7 * 128).reshape(-1, 7, 7, 128)
    x = conv_transposed(s, "gen.c1", jax.nn.relu(batch_norm(s, "gen.n0", x)), 64)
    return jnp.tanh(conv_transposed(s, "gen.c2", jax.nn.relu(batch_norm(s, "gen.n1", x)), 1))


def discriminator(s, x):
    x = jax.nn.leaky_relu(conv(s, "disc.c1", x, 64, 4, 2), 0.2)
    x = jax.nn.leaky_relu(batch_norm(s, "disc.n2", conv(s, "disc.c2", x, 128, 4, 2)), 0.2)
    return dense(s, "disc.head", flat(x), 1)


NETS = {"mlp": mlp, "cnn": cnn, "resnet": resnet, "separable": separable, "lstm": lstm, "vit": vit, "gpt": gpt, "ae": ae}


def cross_entropy(y, label):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(y), label[..., None], -1))


def loss_of(model, s, x, y):
    if model == "gpt":
        return cross_entropy(gpt(s, x[:, :-1]), x[:, 1:])
    if model == "ae":
        return jnp.mean((jax.nn.sigmoid(ae(s, x)) - flat(x)) ** 2)
    return cross_entropy(NETS[model](s, x), y)


def adversarial_grads(params, state, key, x):
    """The discriminator's loss; gradients of both losses, each by its own network."""
    draws, key = jax.random.split(key)
    part = lambda name: {k: v for k, v in params.items() if k.startswith(name)}
    gen, disc = part("gen"), part("disc")

    def fool(gen):
        s = Scope({**params, **gen}, dict(state), key, True)
        fake = generator(s, jax.random.normal(draws, (len(x), 64)))
        return jnp.mean(jax.nn.softplus(-discriminator(s, fake))), (fake, s.state)

    (_, (fake, state)), gen_grads = jax.value_and_grad(fool, has_aux=True)(gen)

    def judge(disc):
        s = Scope({**params, **disc}, dict(state), key, True)
        real, made = discriminator(s, x * 2 - 1), discriminator(s, lax.stop_gradient(fake))
        return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(made)), s.state

    (loss, state), disc_grads = jax.value_and_grad(judge, has_aux=True)(disc)
    return loss, state, {**gen_grads, **disc_grads}


def grads_of(model, params, state, key, x, y):
    if model == "dcgan":
        return adversarial_grads(params, state, key, x)

    def loss(params):
        s = Scope(params, dict(state), key, True)
        return loss_of(model, s, x, y), s.state

    (value, state), grads = jax.value_and_grad(loss, has_aux=True)(params)
    return value, state, grads


def adam(params, grads, m, v, t, lr, b1):
    tree = jax.tree_util.tree_map
    m = tree(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    c1, c2 = 1 - b1**t, 1 - 0.999**t
    return tree(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), params, m, v), m, v


def step_of(model):
    lr, b1 = (2e-4, 0.5) if model == "dcgan" else (1e-3, 0.9)

    def step(params, m, v, state, t, key, x, y):
        key, use = jax.random.split(key)
        loss, state, grads = grads_of(model, params, state, use, x, y)
        params, m, v = adam(params, grads, m, v, t + 1, lr, b1)
        return loss, (params, m, v, state, t + 1, key)

    return jax.jit(step, donate_argnums=(0, 1, 2, 3, 4, 5))


def images(name):
    with gzip.open(f"{DATA}/{name}-images-idx3-ubyte.gz") as f:
        raw = np.frombuffer(f.read()[16:], np.uint8)
    with gzip.open(f"{DATA}/{name}-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read()[8:], np.uint8)
    return raw.reshape(-1, 28, 28, 1), labels.astype(np.int32)


def batches(model, batch):
    """Endless batches as the step takes them."""
    rng = np.random.default_rng(1)
    if model == "gpt":
        while True:
            yield rng.integers(128, size=(batch, 129), dtype=np.int32), None
    x, y = images("train")
    order = rng.permutation(len(x))
    at = 0
    while True:
        rows = order[at: at + batch]
        yield x[rows].astype(np.float32) / 255, y[rows]
        at = (at + batch) % (len(x) - batch)


def main():
    options = timing.options([*NETS, "dcgan"])
    model = options.model
    source = batches(model, options.rows or (16 if model == "gpt" else 128))
    x, y = next(source)
    made = Scope({}, {}, jax.random.key(1), not options.rows)
    if model == "dcgan":
        discriminator(made, generator(made, jnp.zeros((1, 64))))
    else:
        NETS[model](made, x[:, :128] if model == "gpt" else x)
    if options.rows:
        x = jnp.asarray(x[:, :128] if model == "gpt" else x)
        predict = jax.jit(lambda params, state, x: NETS[model](Scope(params, dict(state), None, False), x))
        timing.report(lambda: predict(made.params, made.state, x).block_until_ready(), options)
        return
    zero = lambda: jax.tree_util.tree_map(jnp.zeros_like, made.params)
    step = step_of(model)
    held = [(made.params, zero(), zero(), made.state, 0, jax.random.key(2))]

    def run():
        loss, held[0] = step(*held[0], *next(source))
        return float(loss)

    timing.report(run, options)


if __name__ == "__main__":
    main()
