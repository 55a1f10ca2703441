"""A recurrent network reads the rows of the image from top to bottom."""

import keras
from keras import layers
from keras.optimizers.schedules import CosineDecay

from data import arguments, fashion, report, steps_of

o = arguments(epochs=5, cell="gru", both_ways=0)


def stage(width):
    cell = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[o.cell]
    if o.both_ways:
        return layers.Bidirectional(cell(width // 2, return_sequences=True))
    return cell(width, return_sequences=True)


head = layers.Dense(10, "softmax")
net = keras.Sequential([stage(128), stage(128), layers.GlobalMaxPooling1D(), head])
(image, label), test = fashion(o.data)
steps = steps_of(len(image), 128, o.epochs)
schedule = CosineDecay(0.0, steps - 100, warmup_target=2e-3, warmup_steps=100)
optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(image, label, batch_size=128, epochs=o.epochs)

report("accuracy", net.evaluate(*test)[1])
