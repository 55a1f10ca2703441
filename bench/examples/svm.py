"""A linear support vector machine, the mean of five folds."""

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, report, steps_of
from schedules import cosine
from tables import folds, standardised, table

o = arguments(epochs=60)
right = []
for x, y, test_x, test_y in folds(*table("breast_cancer")):
    x, test_x = standardised(x, test_x)
    net = nn.Linear(30, 1)
    nn.init.zeros_(net.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    schedule = LambdaLR(optimizer, cosine(steps_of(len(x), 32, o.epochs)))
    for epoch in range(o.epochs):
        for features, side in batches(32, x, 2 * y - 1):
            z = net(features).squeeze(1)
            loss = (1 - z * side).clamp(min=0).mean() + 1e-3 * net.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        right.append(
            ((net(test_x).squeeze(1) > 0) == (test_y > 0.5)).float().mean().item()
        )

report("accuracy", sum(right) / len(right))
