"""One network, each regulariser in turn."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=12, regulariser="dropout")


def hidden(before, after):
    layers = [nn.Linear(before, after)]
    if o.regulariser == "batch_norm":
        layers.append(nn.BatchNorm1d(after))
    layers.append(nn.ReLU())
    if o.regulariser == "dropout":
        layers.append(nn.Dropout(0.3))
    return layers


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
        if o.regulariser == "l1":
            loss = loss + 2e-6 * sum(w.abs().sum() for w in weights)
        if o.regulariser == "l2":
            loss = loss + 2e-5 * sum(w.square().sum() for w in weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, *test))
