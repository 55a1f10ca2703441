"""An autoencoder with 32 numbers for an image, denoising if noise > 0."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=10, noise=0.0)
net = keras.Sequential(
    [
        layers.GaussianNoise(o.noise),
        layers.Dense(256, "relu"),
        layers.Dense(32),
        layers.Dense(256, "relu"),
        layers.Dense(784, "sigmoid"),
    ]
)
(image, _), (test, _) = fashion(o.data)
image, test = image.reshape(-1, 784), test.reshape(-1, 784)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 200, warmup_target=2e-3, warmup_steps=200)
net.compile(keras.optimizers.Adam(schedule), "mse")
net.fit(image, image, batch_size=128, epochs=o.epochs)

report("loss", net.evaluate(test, test))
