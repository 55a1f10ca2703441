"""Two convolutional networks against each other; writes 2,000 samples."""

import keras
import numpy as np
import torch
from keras import layers, ops
from keras.initializers import RandomNormal
from keras.optimizers import Adam

from data import arguments, fashion

o = arguments(epochs=6, out="samples.npy")
start = {"kernel_initializer": RandomNormal(stddev=0.02)}
gen = keras.Sequential(
    [
        keras.Input((64,)),
        layers.Dense(7 * 7 * 128, use_bias=False, **start),
        layers.Reshape((7, 7, 128)),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2DTranspose(64, 4, 2, "same", **start),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh", **start),
    ]
)
disc = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(64, 4, 2, "same", **start),
        layers.LeakyReLU(0.2),
        layers.Conv2D(128, 4, 2, "same", **start),
        layers.BatchNormalization(),
        layers.LeakyReLU(0.2),
        layers.Flatten(),
        layers.Dense(1, **start),
    ]
)
g_optimizer, d_optimizer = Adam(2e-4, beta_1=0.5), Adam(2e-4, beta_1=0.5)


class GAN(keras.Model):
    def train_step(self, x):
        fake = gen(keras.random.normal((len(x), 64)), training=True)
        loss = ops.mean(ops.softplus(-disc(x, training=True)))
        loss += ops.mean(ops.softplus(disc(ops.stop_gradient(fake), training=True)))
        fooled = ops.mean(ops.softplus(-disc(fake, training=True)))
        d_grad = torch.autograd.grad(loss, [w.value for w in disc.trainable_weights])
        g_grad = torch.autograd.grad(fooled, [w.value for w in gen.trainable_weights])
        with torch.no_grad():
            d_optimizer.apply(d_grad, disc.trainable_weights)
            g_optimizer.apply(g_grad, gen.trainable_weights)
        return {"loss": loss, "fooled": fooled}


(image, _), _ = fashion(o.data, valid=0)
gan = GAN()
gan.built = True  # it is never called
gan.compile()
gan.fit(2 * image[..., None] - 1, batch_size=128, epochs=o.epochs)
np.save(o.out, gen.predict(np.random.randn(2000, 64)) / 2 + 0.5)
