"""Two hidden layers with dropout."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import accuracy, arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=10)
net = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 256),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(256, 256),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(256, 10),
)
(image, label), test = fashion(o.data)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=200))

for epoch in range(o.epochs):
    for x, y in batches(128, image, label):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

report("accuracy", accuracy(net, *test))
