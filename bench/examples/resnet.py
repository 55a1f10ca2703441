"""ResNet-20."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from augment import random_flip, random_shift
from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=8)


class Unit(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(after)
        self.skip = (
            nn.Identity() if before == after else nn.Conv2d(before, after, 1, stride)
        )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.skip(x))


def group(before, after, stride):
    return [Unit(before, after, stride), Unit(after, after, 1), Unit(after, after, 1)]


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    *group(16, 16, 1),
    *group(16, 32, 2),
    *group(32, 64, 2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
for m in net.modules():
    if isinstance(m, nn.Conv2d):
        nn.init.kaiming_normal_(m.weight)
        nn.init.zeros_(m.bias)
(image, label), (test_image, test_label) = fashion(o.data)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=400))
weights = [p for p in net.parameters() if p.dim() > 1]

for epoch in range(o.epochs):
    for x, y in batches(128, image.unsqueeze(1), label):
        loss = F.cross_entropy(net(random_flip(random_shift(x))), y)
        loss = loss + 1e-4 * sum(w.square().sum() for w in weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, test_image.unsqueeze(1), test_label))
