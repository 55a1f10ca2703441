"""ResNet-20."""

from functools import partial

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=8)
l2 = keras.regularizers.L2(1e-4)
options = dict(padding="same", kernel_initializer="he_normal", kernel_regularizer=l2)
conv = partial(layers.Conv2D, **options)


def unit(x, width, stride):
    y = layers.ReLU()(layers.BatchNormalization()(conv(width, 3, stride)(x)))
    y = layers.BatchNormalization()(conv(width, 3)(y))
    return layers.ReLU()(y + (x if x.shape[-1] == width else conv(width, 1, stride)(x)))


image = keras.Input((28, 28))
x = layers.Reshape((28, 28, 1))(image)
x = layers.RandomTranslation(2 / 28, 2 / 28, "constant", "nearest")(x)
x = layers.RandomFlip("horizontal")(x)
x = layers.ReLU()(layers.BatchNormalization()(conv(16, 3)(x)))
for width, stride in (16, 1), (32, 2), (64, 2):
    for i in range(3):
        x = unit(x, width, stride if i == 0 else 1)
x = layers.GlobalAveragePooling2D()(x)
net = keras.Model(image, layers.Dense(10, "softmax", kernel_regularizer=l2)(x))
train, test = fashion(o.data)
steps = steps_of(len(train[0]), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 400, warmup_target=0.1, warmup_steps=400)
optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(*train, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
