"""Word vectors: a word is told from its four neighbours, input and output tied."""

import json

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, over_rows, report, steps_of
from schedules import cosine
from text import split, words

o = arguments(epochs=3, part=1.0, out="nearest.json")


class Embedding(nn.Module):
    def __init__(self, vocab=4000, dim=64):
        super().__init__()
        self.w = nn.Parameter(0.05 * torch.randn(vocab, dim))
        self.b = nn.Parameter(torch.zeros(vocab))

    def forward(self, context):
        return self.w[context].mean(1) @ self.w.T + self.b


def losses(x):
    return F.cross_entropy(net(x[:, [0, 1, 3, 4]]), x[:, 2], reduction="none")


net = Embedding()
numbers, names = words(4000)
train, valid = split(numbers, 5, 1, part=o.part)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(train), 512, o.epochs), warmup=100))

for epoch in range(o.epochs):
    for x in batches(512, train):
        loss = losses(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("loss", over_rows(losses, valid).mean().item())
with torch.no_grad():
    w = F.normalize(net.w, dim=1)
    order = (w @ w.T).topk(11).indices
    json.dump(
        {names[i]: [names[j] for j in order[i]] for i in range(1, 4000)},
        open(o.out, "w"),
    )
