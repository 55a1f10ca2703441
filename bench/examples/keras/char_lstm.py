"""A language model of characters: one LSTM."""

import keras
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, characters, report, split, steps_of

o = arguments(epochs=3, part=1.0)
embed = layers.Embedding(80, 64)
lstm = layers.LSTM(256, return_sequences=True, return_state=True)
head = layers.Dense(80)
tokens = keras.Input((None,), dtype="int32")
net = keras.Model(tokens, head(lstm(embed(tokens))[0]))

train, valid = split(characters(), 129, 128, part=o.part)
steps = steps_of(len(train), 64, o.epochs)
schedule = CosineDecay(0.0, steps - 50, warmup_target=2e-3, warmup_steps=50)
optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
net.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(train[:, :-1], train[:, 1:], batch_size=64, epochs=o.epochs)

report("loss", net.evaluate(valid[:, :-1], valid[:, 1:]))


def write(prompt, m, temperature):
    h, *state = lstm(embed(prompt))
    written = []
    for _ in range(m):
        written.append(keras.random.categorical(head(h)[:, -1] / temperature, 1))
        h, *state = lstm(embed(written[-1]), initial_state=state)
    return ops.concatenate(written, 1)
