"""Word vectors: a word is told from its four neighbours, input and output tied."""

import json

import keras
from keras import ops
from keras.optimizers.schedules import CosineDecay

from data import arguments, report, split, steps_of, words

o = arguments(epochs=3, part=1.0, out="nearest.json")


class Embedding(keras.Model):
    def __init__(self, vocab=4000, dim=64):
        super().__init__()
        normal = keras.initializers.RandomNormal(stddev=0.05)
        self.w = self.add_weight((vocab, dim), normal)
        self.b = self.add_weight((vocab,), "zeros")

    def call(self, context):
        h = ops.mean(ops.take(self.w, context, axis=0), axis=1)
        return h @ ops.transpose(self.w) + self.b


net = Embedding()
numbers, names = words(4000)
train, valid = split(numbers, 5, 1, part=o.part)
steps = steps_of(len(train), 512, o.epochs)
schedule = CosineDecay(0.0, steps - 100, warmup_target=5e-3, warmup_steps=100)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(schedule), loss)
net.fit(train[:, [0, 1, 3, 4]], train[:, 2], batch_size=512, epochs=o.epochs)

report("loss", net.evaluate(valid[:, [0, 1, 3, 4]], valid[:, 2]))
w = ops.normalize(net.w)
order = ops.convert_to_numpy(ops.top_k(w @ ops.transpose(w), 11)[1])
json.dump(
    {names[i]: [names[j] for j in order[i]] for i in range(1, 4000)}, open(o.out, "w")
)
