"""Two convolutional networks against each other; writes 2,000 samples."""

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from common import arguments, batches, fashion

o = arguments(epochs=6, out="samples.npy")


class Unflatten(nn.Module):
    def forward(self, x):
        return x.view(-1, 128, 7, 7)


gen = nn.Sequential(
    nn.Linear(64, 128 * 7 * 7, bias=False),
    Unflatten(),
    nn.BatchNorm2d(128),
    nn.ReLU(),
    nn.ConvTranspose2d(128, 64, 4, 2, 1),
    nn.BatchNorm2d(64),
    nn.ReLU(),
    nn.ConvTranspose2d(64, 1, 4, 2, 1),
    nn.Tanh(),
)
disc = nn.Sequential(
    nn.Conv2d(1, 64, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(64, 128, 4, 2, 1),
    nn.BatchNorm2d(128),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(128 * 7 * 7, 1),
)
for weight in [*gen.parameters(), *disc.parameters()]:
    if weight.dim() > 1:
        nn.init.normal_(weight, std=0.02)
(image, _), _ = fashion(o.data, valid=0)
image = (2 * image - 1).unsqueeze(1)
g_optimizer = torch.optim.Adam(gen.parameters(), lr=2e-4, betas=(0.5, 0.999))
d_optimizer = torch.optim.Adam(disc.parameters(), lr=2e-4, betas=(0.5, 0.999))

for epoch in range(o.epochs):
    for x in batches(128, image):
        fake = gen(torch.randn(len(x), 64))
        loss = F.softplus(-disc(x)).mean() + F.softplus(disc(fake.detach())).mean()
        d_optimizer.zero_grad()
        loss.backward()
        fooled = F.softplus(-disc(fake)).mean()
        g_optimizer.zero_grad()
        fooled.backward(inputs=list(gen.parameters()))
        d_optimizer.step()
        g_optimizer.step()

gen.eval()
with torch.no_grad():
    numpy.save(o.out, (gen(torch.randn(2000, 64)) / 2 + 0.5).numpy())
