"""Depthwise-separable convolutions."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from augment import random_flip, random_shift
from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=25)


def unit(before, after, stride):
    return [
        nn.Conv2d(before, before, 3, stride, padding=1, groups=before),
        nn.BatchNorm2d(before),
        nn.ReLU(),
        nn.Conv2d(before, after, 1),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    ]


net = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    *unit(32, 64, 1),
    *unit(64, 128, 2),
    *unit(128, 128, 1),
    *unit(128, 256, 2),
    *unit(256, 256, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(256, 10),
)
for layer in net:
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(layer.weight, std=0.09, a=-0.18, b=0.18)
(image, label), (test_image, test_label) = fashion(o.data)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=400))

for epoch in range(o.epochs):
    for x, y in batches(128, image.unsqueeze(1), label):
        loss = F.cross_entropy(net(random_flip(random_shift(x))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, test_image.unsqueeze(1), test_label))
