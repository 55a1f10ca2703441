"""A convolutional network with batch norm, dropout and augmentation."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from augment import random_flip, random_shift
from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=20, augment=1)


def stage(before, after):
    return [
        nn.Conv2d(before, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


net = nn.Sequential(
    *stage(1, 32),
    *stage(32, 64),
    nn.Flatten(),
    nn.Linear(64 * 7 * 7, 128),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(128, 10),
)
(image, label), (test_image, test_label) = fashion(o.data)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=500))

for epoch in range(o.epochs):
    for x, y in batches(128, image.unsqueeze(1), label):
        if o.augment:
            x = random_flip(random_shift(x))
        loss = F.cross_entropy(net(x), y)
        loss = loss + 1e-5 * sum(
            p.square().sum() for p in net.parameters() if p.dim() > 1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, test_image.unsqueeze(1), test_label))
