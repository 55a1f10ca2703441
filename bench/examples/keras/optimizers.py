"""One network, each optimizer in turn, with a schedule."""

from functools import partial

import keras
from keras import layers, ops, optimizers
from keras.optimizers import schedules

from data import arguments, fashion, report, steps_of

o = arguments(epochs=5, optimizer="adam", schedule="cosine", lr=1e-3)
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
make = {
    "sgd": optimizers.SGD,
    "momentum": partial(optimizers.SGD, momentum=0.9),
    "nesterov": partial(optimizers.SGD, momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop,
    "adagrad": partial(optimizers.Adagrad, initial_accumulator_value=0.0),
    "adam": optimizers.Adam,
    "adamw": partial(optimizers.AdamW, weight_decay=0.01),
}[o.optimizer]


class OneCycle(schedules.LearningRateSchedule):
    def __call__(self, step):
        t = ops.cast(step, "float32") / steps
        return o.lr * ops.minimum(t / 0.3, (1 - t) / 0.7)


thirds = [steps // 3, 2 * (steps // 3)]
schedule = {
    "constant": o.lr,
    "thirds": schedules.PiecewiseConstantDecay(thirds, [o.lr, 0.1 * o.lr, 0.01 * o.lr]),
    "exponential": schedules.ExponentialDecay(o.lr, steps, 0.05),
    "cosine": schedules.CosineDecay(o.lr, steps),
    "one_cycle": OneCycle(),
}[o.schedule]
hidden, head = layers.Dense(128, "relu"), layers.Dense(10, "softmax")
net = keras.Sequential([layers.Flatten(), hidden, head])
net.compile(make(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
