"""One network, each optimizer in turn, with a schedule."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import accuracy, arguments, batches, fashion, report, steps_of

o = arguments(epochs=5, optimizer="adam", schedule="cosine", lr=1e-3)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
(image, label), test = fashion(o.data)
optimizer = {
    "sgd": lambda p: torch.optim.SGD(p, lr=o.lr),
    "momentum": lambda p: torch.optim.SGD(p, lr=o.lr, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=o.lr, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=o.lr, alpha=0.9),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=o.lr),
    "adam": lambda p: torch.optim.Adam(p, lr=o.lr),
    "adamw": lambda p: torch.optim.AdamW(p, lr=o.lr),
}[o.optimizer](net.parameters())
steps = steps_of(len(image), 128, o.epochs)
factor = {
    "constant": lambda step: 1,
    "thirds": lambda step: 0.1 ** (step // (steps // 3)),
    "exponential": lambda step: 0.05 ** (step / steps),
    "cosine": lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1))),
    "one_cycle": lambda step: min(step / steps / 0.3, (1 - step / steps) / 0.7),
}[o.schedule]
schedule = LambdaLR(optimizer, factor)

for epoch in range(o.epochs):
    for x, y in batches(128, image, label):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, *test))
