"""An encoder and a decoder with cross-attention learn to sort strings of ten digits."""

import keras
import numpy as np
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, report

o = arguments(epochs=4)
START = 10


class Embed(layers.Layer):
    def __init__(self, vocab):
        super().__init__()
        self.tokens = layers.Embedding(vocab, 64)
        self.positions = layers.Embedding(10, 64)

    def call(self, t):
        return self.tokens(t) + self.positions(ops.arange(10))


def attend(x, memory=None, **options):
    h = layers.LayerNormalization()(x)
    return x + layers.MultiHeadAttention(4, 16)(
        h, h if memory is None else memory, **options
    )


def forward(x):
    return x + layers.Dense(64)(
        layers.Dense(256, "gelu")(layers.LayerNormalization()(x))
    )


source = keras.Input((10,), dtype="int32")
x = Embed(10)(source)
for _ in range(2):
    x = forward(attend(x))
encoder = keras.Model(source, layers.LayerNormalization()(x))

target, memory = keras.Input((10,), dtype="int32"), keras.Input((10, 64))
x = Embed(11)(target)
for _ in range(2):
    x = forward(attend(attend(x, use_causal_mask=True), memory))
x = layers.Dense(10, "softmax")(layers.LayerNormalization()(x))
decoder = keras.Model([target, memory], x)

net = keras.Model([source, target], decoder([target, encoder(source)]))
schedule = CosineDecay(0.0, 1000 * o.epochs - 200, warmup_target=1e-3, warmup_steps=200)
optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])


def draws():
    while True:
        x = np.random.randint(0, 10, (128, 10))
        y = np.sort(x)
        yield (x, np.insert(y[:, :-1], 0, START, axis=1)), y


net.fit(draws(), steps_per_epoch=1000, epochs=o.epochs)


def sorted_digits(x):
    memory = encoder.predict_on_batch(x)
    t = np.full((len(x), 11), START)
    for i in range(10):
        t[:, i + 1] = decoder.predict_on_batch([t[:, :10], memory])[:, i].argmax(1)
    return t[:, 1:]


x = np.random.randint(0, 10, (10000, 10))
report("strings", (sorted_digits(x) == np.sort(x)).all(1).mean())
