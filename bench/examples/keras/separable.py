"""Depthwise-separable convolutions."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=25)


start = keras.initializers.TruncatedNormal(stddev=0.09)


def unit(width, stride):
    yield layers.DepthwiseConv2D(3, stride, "same", depthwise_initializer=start)
    yield layers.BatchNormalization()
    yield layers.ReLU()
    yield layers.Conv2D(width, 1, kernel_initializer=start)
    yield layers.BatchNormalization()
    yield layers.ReLU()


net = keras.Sequential(
    [
        layers.Reshape((28, 28, 1)),
        layers.RandomTranslation(2 / 28, 2 / 28, "constant", "nearest"),
        layers.RandomFlip("horizontal"),
        layers.Conv2D(32, 3, padding="same", kernel_initializer=start),
        layers.BatchNormalization(),
        layers.ReLU(),
        *unit(64, 1),
        *unit(128, 2),
        *unit(128, 1),
        *unit(256, 2),
        *unit(256, 1),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, "softmax", kernel_initializer=start),
    ]
)
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 400, warmup_target=3e-3, warmup_steps=400)
optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
