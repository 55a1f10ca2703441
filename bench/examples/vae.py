"""A variational autoencoder."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, fashion, report, steps_of
from schedules import cosine

o = arguments(epochs=15)


class Autoencoder(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.hidden = nn.Linear(784, 512)
        self.mu = nn.Linear(512, code)
        self.log_var = nn.Linear(512, code)
        self.decoder = nn.Sequential(
            nn.Linear(code, 512), nn.ReLU(), nn.Linear(512, 784)
        )

    def forward(self, x):
        h = F.relu(self.hidden(x))
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return self.decoder(z), mu, log_var


def loss_of(x):
    y, mu, log_var = net(x)
    divergence = 0.5 * (log_var.exp() + mu.square() - 1 - log_var).sum(1).mean()
    return 784 * F.binary_cross_entropy_with_logits(y, x) + divergence


net = Autoencoder()
(image, _), (test, _) = fashion(o.data)
image, test = image.flatten(1), test.flatten(1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(image), 128, o.epochs), warmup=200))

for epoch in range(o.epochs):
    for x in batches(128, image):
        loss = loss_of(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

with torch.no_grad():
    report("loss", loss_of(test).item())
