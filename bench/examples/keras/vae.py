"""A variational autoencoder."""

import keras
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=15)


class Sampling(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator()

    def call(self, mu, log_var):
        divergence = 0.5 * (ops.exp(log_var) + ops.square(mu) - 1 - log_var)
        self.add_loss(ops.mean(ops.sum(divergence, axis=1)))
        noise = keras.random.normal(ops.shape(mu), seed=self.seed)
        return mu + ops.exp(0.5 * log_var) * noise


def loss(x, y):
    return 784 * keras.losses.binary_crossentropy(x, y, from_logits=True)


x = keras.Input((784,))
h = layers.Dense(512, "relu")(x)
z = Sampling()(layers.Dense(16)(h), layers.Dense(16)(h))
decoder = keras.Sequential([layers.Dense(512, "relu"), layers.Dense(784)])
net = keras.Model(x, decoder(z))
(image, _), (test, _) = fashion(o.data)
image, test = image.reshape(-1, 784), test.reshape(-1, 784)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 200, warmup_target=1e-3, warmup_steps=200)
net.compile(keras.optimizers.Adam(schedule), loss)
net.fit(image, image, batch_size=128, epochs=o.epochs)

report("loss", net.evaluate(test, test))


def sample(count):
    return ops.sigmoid(decoder(keras.random.normal((count, 16))))
