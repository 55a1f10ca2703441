"""Two hidden layers with dropout."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=10)
net = keras.Sequential(
    [
        layers.Flatten(),
        layers.Dense(256, "relu"),
        layers.Dropout(0.2),
        layers.Dense(256, "relu"),
        layers.Dropout(0.2),
        layers.Dense(10, "softmax"),
    ]
)
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 200, warmup_target=1e-3, warmup_steps=200)
optimizer = keras.optimizers.Adam(schedule)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
