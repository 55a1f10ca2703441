"""One network and what keeps it from learning the training rows by heart."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=12, drop=0.3, norm="plain", penalty="l2", strength=0.0)
penalty = {"l1": torch.abs, "l2": torch.square}[o.penalty]


def hidden(before, after):
    layers = [nn.Linear(before, after)]
    if o.norm == "batch_norm":
        layers.append(nn.BatchNorm1d(after))
    return [*layers, nn.ReLU(), nn.Dropout(o.drop)]


net = nn.Sequential(
    nn.Flatten(), *hidden(784, 256), *hidden(256, 256), nn.Linear(256, 10)
)
(image, label), test = fashion(o.data)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=200))
weights = [p for p in net.parameters() if p.dim() > 1]

for epoch in range(o.epochs):
    for x, y in batches(128, image, label):
        loss = F.cross_entropy(net(x), y)
        if o.strength:
            loss = loss + o.strength * sum(penalty(w).sum() for w in weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, *test))
