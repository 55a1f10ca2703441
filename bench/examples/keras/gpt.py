"""A causal transformer with a cache."""

import keras
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, characters, report, split, steps_of

o = arguments(epochs=2, part=1.0)
D, HEADS, DEPTH, CTX, VOCAB = 128, 4, 4, 128, 80


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm1 = layers.LayerNormalization()
        self.qkv = layers.Dense(3 * D)
        self.out = layers.Dense(D)
        self.norm2 = layers.LayerNormalization()
        self.up = layers.Dense(4 * D, "gelu")
        self.down = layers.Dense(D)

    def call(self, x, cache=None):
        n = x.shape[1]
        qkv = ops.reshape(self.qkv(self.norm1(x)), (-1, n, 3, HEADS, D // HEADS))
        q, k, v = ops.unstack(qkv, axis=2)
        if cache is not None:
            k, v = ops.concatenate([cache[0], k], 1), ops.concatenate([cache[1], v], 1)
        a = ops.dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.out(ops.reshape(a, (-1, n, D)))
        return x + self.down(self.up(self.norm2(x))), (k, v)


class GPT(keras.Model):
    def __init__(self):
        super().__init__()
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.tokens = layers.ReversibleEmbedding(
            VOCAB, D, embeddings_initializer=normal
        )
        self.positions = layers.Embedding(CTX, D, normal)
        self.blocks = [Block() for _ in range(DEPTH)]
        self.norm = layers.LayerNormalization()

    def call(self, t, caches=None, pos=0):
        x = self.tokens(t) + self.positions(ops.arange(pos, pos + t.shape[1]))
        kept = []
        for i, block in enumerate(self.blocks):
            x, cache = block(x, caches[i] if caches else None)
            kept.append(cache)
        return self.tokens(self.norm(x), reverse=True), kept


gpt = GPT()
tokens = keras.Input((CTX,), dtype="int32")
net = keras.Model(tokens, gpt(tokens)[0])
train, valid = split(characters(), CTX + 1, CTX, part=o.part)
steps = steps_of(len(train), 32, o.epochs)
schedule = CosineDecay(0.0, steps - 100, warmup_target=2e-3, warmup_steps=100)
optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.1, global_clipnorm=1.0)
net.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(train[:, :-1], train[:, 1:], batch_size=32, epochs=o.epochs)

report("loss", net.evaluate(valid[:, :-1], valid[:, 1:]))


def write(prompt, m, temperature):
    y, caches = gpt(prompt)
    written = []
    for i in range(m):
        written.append(keras.random.categorical(y[:, -1] / temperature, 1))
        y, caches = gpt(written[-1], caches, prompt.shape[1] + i)
    return ops.concatenate(written, 1)
