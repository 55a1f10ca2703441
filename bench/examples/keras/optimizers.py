"""One network, each optimizer in turn, with a schedule."""

from functools import partial

import keras
from keras import layers, ops, optimizers
from keras.optimizers import schedules

from data import arguments, fashion, report, steps_of

o = arguments(epochs=5, optimizer="adam", schedule="cosine")
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
rate, make = {
    "sgd": (0.1, optimizers.SGD),
    "momentum": (0.02, partial(optimizers.SGD, momentum=0.9)),
    "nesterov": (0.02, partial(optimizers.SGD, momentum=0.9, nesterov=True)),
    "rmsprop": (1e-3, optimizers.RMSprop),
    "adagrad": (0.02, partial(optimizers.Adagrad, initial_accumulator_value=0.0)),
    "adam": (1e-3, optimizers.Adam),
    "adamw": (1e-3, partial(optimizers.AdamW, weight_decay=0.01)),
}[o.optimizer]


class OneCycle(schedules.LearningRateSchedule):
    def __call__(self, step):
        t = ops.cast(step, "float32") / steps
        return rate * ops.minimum(t / 0.3, (1 - t) / 0.7)


thirds = [steps // 3, 2 * (steps // 3)]
schedule = {
    "constant": rate,
    "step": schedules.PiecewiseConstantDecay(thirds, [rate, 0.1 * rate, 0.01 * rate]),
    "exponential": schedules.ExponentialDecay(rate, steps, 0.05),
    "cosine": schedules.CosineDecay(rate, steps),
    "one_cycle": OneCycle(),
}[o.schedule]
hidden, head = layers.Dense(128, "relu"), layers.Dense(10, "softmax")
net = keras.Sequential([layers.Flatten(), hidden, head])
net.compile(make(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
