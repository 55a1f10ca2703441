"""A vision transformer over 49 patches of 4 x 4 pixels."""

import keras
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=15)


class Tokens(layers.Layer):
    """A token of the class before the patches, and positions."""

    def build(self, shape):
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight((1, 1, shape[2]), normal)
        self.position = self.add_weight((shape[1] + 1, shape[2]), normal)

    def call(self, x):
        token = ops.repeat(self.token, ops.shape(x)[0], axis=0)
        return ops.concatenate([token, x], axis=1) + self.position


def block(x):
    h = layers.LayerNormalization()(x)
    x += layers.MultiHeadAttention(4, 16)(h, h)
    h = layers.Dense(256, "gelu")(layers.LayerNormalization()(x))
    return x + layers.Dense(64)(h)


image = keras.Input((28, 28))
x = layers.RandomFlip("horizontal")(layers.Reshape((28, 28, 1))(image))
x = layers.Conv2D(64, 4, 4)(x)
x = Tokens()(layers.Reshape((49, 64))(x))
for _ in range(4):
    x = block(x)
x = layers.LayerNormalization()(x[:, 0])
net = keras.Model(image, layers.Dense(10, "softmax")(x))
train, test = fashion(o.data)
steps = steps_of(len(train[0]), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 400, warmup_target=2e-3, warmup_steps=400)
optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.05, global_clipnorm=1.0)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(*train, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
