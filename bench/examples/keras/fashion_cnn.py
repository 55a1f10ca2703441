"""A convolutional network with batch norm, dropout and augmentation."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=20, augment=1)
l2 = keras.regularizers.L2(1e-5)


def stage(width):
    yield layers.Conv2D(width, 3, padding="same", kernel_regularizer=l2)
    yield layers.BatchNormalization()
    yield layers.ReLU()
    yield layers.MaxPooling2D(2)


shift = layers.RandomTranslation(2 / 28, 2 / 28, "constant", "nearest")
net = keras.Sequential(
    [
        layers.Reshape((28, 28, 1)),
        *([shift, layers.RandomFlip("horizontal")] if o.augment else []),
        *stage(32),
        *stage(64),
        layers.Flatten(),
        layers.Dense(128, "relu", kernel_regularizer=l2),
        layers.Dropout(0.2),
        layers.Dense(10, "softmax", kernel_regularizer=l2),
    ]
)
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 500, warmup_target=3e-3, warmup_steps=500)
optimizer = keras.optimizers.Adam(schedule)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
