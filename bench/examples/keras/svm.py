"""A linear support vector machine, the mean of five folds."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, folds, report, standardised, steps_of, table

o = arguments(epochs=60)
right = []
for x, y, test_x, test_y in folds(*table("breast_cancer")):
    x, test_x = standardised(x, test_x)
    l2 = keras.regularizers.L2(1e-3)
    head = layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=l2)
    net = keras.Sequential([head])
    schedule = CosineDecay(0.05, steps_of(len(x), 32, o.epochs))
    accuracy = keras.metrics.BinaryAccuracy(threshold=0)
    net.compile(keras.optimizers.SGD(schedule), "hinge", metrics=[accuracy])
    net.fit(x, y, batch_size=32, epochs=o.epochs)
    right.append(net.evaluate(test_x, test_y)[1])

report("accuracy", sum(right) / len(right))
