"""An autoencoder with 32 numbers for an image, denoising if noise > 0."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, fashion, over_rows, report, steps_of
from schedules import cosine

o = arguments(epochs=10, noise=0.0)
net = nn.Sequential(
    nn.Linear(784, 256),
    nn.ReLU(),
    nn.Linear(256, 32),
    nn.Linear(32, 256),
    nn.ReLU(),
    nn.Linear(256, 784),
    nn.Sigmoid(),
)
(image, _), (test, _) = fashion(o.data)
image, test = image.flatten(1), test.flatten(1)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=200))

for epoch in range(o.epochs):
    for x in batches(128, image):
        loss = F.mse_loss(net(x + o.noise * torch.randn_like(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

noisy = test + o.noise * torch.randn_like(test)
report("loss", F.mse_loss(over_rows(net, noisy), test).item())
