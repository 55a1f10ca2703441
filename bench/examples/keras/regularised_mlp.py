"""One network and what keeps it from learning the training rows by heart."""

import keras
from keras import layers, regularizers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=12, drop=0.3, norm="plain", penalty="l2", strength=0.0)
penalty = {"l1": regularizers.L1, "l2": regularizers.L2}[o.penalty](o.strength)


def hidden(width):
    yield layers.Dense(width, kernel_regularizer=penalty)
    if o.norm == "batch_norm":
        yield layers.BatchNormalization()
    yield layers.ReLU()
    yield layers.Dropout(o.drop)


head = layers.Dense(10, "softmax", kernel_regularizer=penalty)
net = keras.Sequential([layers.Flatten(), *hidden(256), *hidden(256), head])
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 200, warmup_target=1e-3, warmup_steps=200)
optimizer = keras.optimizers.Adam(schedule)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
