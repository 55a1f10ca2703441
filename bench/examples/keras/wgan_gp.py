"""Wasserstein GAN with gradient penalty; writes 2,000 samples."""

import keras
import numpy as np
import torch
from keras import layers, ops
from keras.optimizers import Adam

from data import arguments, fashion

o = arguments(epochs=6, out="samples.npy")
gen = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(7 * 7 * 128, use_bias=False),
        layers.Reshape((7, 7, 128)),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2DTranspose(64, 4, 2, "same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),
    ]
)
crit = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(64, 4, 2, "same"),
        layers.LeakyReLU(0.2),
        layers.Conv2D(128, 4, 2, "same"),
        layers.LeakyReLU(0.2),
        layers.Flatten(),
        layers.Dense(1),
    ]
)
g_optimizer, c_optimizer = Adam(2e-4, 0.5, 0.9), Adam(2e-4, 0.5, 0.9)


def descend(loss, net, optimizer):
    grads = torch.autograd.grad(loss, [w.value for w in net.trainable_weights])
    with torch.no_grad():
        optimizer.apply(grads, net.trainable_weights)


class GAN(keras.Model):
    def train_step(self, x):
        z = keras.random.normal((len(x), 64))
        fake = ops.stop_gradient(gen(z, training=True))
        mix = fake + keras.random.uniform((len(x), 1, 1, 1)) * (x - fake)
        mix.requires_grad_()
        (g,) = torch.autograd.grad(ops.sum(crit(mix)), mix, create_graph=True)
        norm = ops.sqrt(ops.sum(g * g, axis=(1, 2, 3)) + 1e-12)
        loss = ops.mean(crit(fake)) - ops.mean(crit(x)) + 10 * ops.mean((norm - 1) ** 2)
        descend(loss, crit, c_optimizer)
        if c_optimizer.iterations % 3 == 0:
            descend(-ops.mean(crit(gen(z, training=True))), gen, g_optimizer)
        return {"critic": loss}


(image, _), _ = fashion(o.data, valid=0)
gan = GAN()
gan.built = True  # it is never called
gan.compile()
gan.fit(2 * image[..., None] - 1, batch_size=64, epochs=o.epochs)
np.save(o.out, gen.predict(np.random.randn(2000, 64)) / 2 + 0.5)
