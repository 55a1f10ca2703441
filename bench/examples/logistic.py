"""Logistic regression, the mean of five folds."""

import torch
from torch import nn
from torch.nn import functional as F
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
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    schedule = LambdaLR(optimizer, cosine(steps_of(len(x), 32, o.epochs)))
    for epoch in range(o.epochs):
        for features, benign in batches(32, x, y):
            z = net(features).squeeze(1)
            penalty = 1e-3 * net.weight.square().sum()
            loss = F.binary_cross_entropy_with_logits(z, benign) + penalty
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        right.append(
            ((net(test_x).squeeze(1) > 0) == (test_y > 0.5)).float().mean().item()
        )

report("accuracy", sum(right) / len(right))
