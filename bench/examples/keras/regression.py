"""Regression with normalised inputs and target."""

import keras
import numpy as np
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, report, standardised, steps_of, table

o = arguments(epochs=100)
x, y = table("diabetes")
order = np.random.permutation(len(x))
test, train = order[:100], order[100:]
x, test_x = standardised(x[train], x[test])
y, test_y = y[train, None] / 100, y[test, None] / 100

net = keras.Sequential([layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(1)])
schedule = CosineDecay(3e-3, steps_of(len(x), 32, o.epochs))
net.compile(
    keras.optimizers.AdamW(schedule, weight_decay=0.1), "mse", metrics=["r2_score"]
)
net.fit(x, y, batch_size=32, epochs=o.epochs)

report("r2", net.evaluate(test_x, test_y)[1])
