"""Regression with normalised inputs and target."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, report, steps_of
from schedules import cosine
from tables import standardised, table

o = arguments(epochs=100)
x, y = table("diabetes")
order = torch.randperm(len(x))
test, train = order[:100], order[100:]
x, test_x = standardised(x[train], x[test])
y, test_y = y[train] / 100, y[test] / 100

net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1)
schedule = LambdaLR(optimizer, cosine(steps_of(len(x), 32, o.epochs)))

for epoch in range(o.epochs):
    for features, progression in batches(32, x, y):
        loss = F.mse_loss(net(features).squeeze(1), progression)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

net.eval()
with torch.no_grad():
    residual = (net(test_x).squeeze(1) - test_y).square().sum()
    report("r2", (1 - residual / (test_y - test_y.mean()).square().sum()).item())
