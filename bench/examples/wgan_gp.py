"""Wasserstein GAN with gradient penalty; writes 2,000 samples."""

import numpy
import torch
from torch import nn

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
crit = nn.Sequential(
    nn.Conv2d(1, 64, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(64, 128, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(128 * 7 * 7, 1),
)
(image, _), _ = fashion(o.data, valid=0)
image = (2 * image - 1).unsqueeze(1)
g_optimizer = torch.optim.Adam(gen.parameters(), lr=2e-4, betas=(0.5, 0.9))
c_optimizer = torch.optim.Adam(crit.parameters(), lr=2e-4, betas=(0.5, 0.9))

step = 0
for epoch in range(o.epochs):
    for x in batches(64, image):
        step += 1
        z = torch.randn(len(x), 64)
        with torch.no_grad():
            fake = gen(z)
        mix = fake + torch.rand(len(x), 1, 1, 1) * (x - fake)
        mix.requires_grad_()
        (g,) = torch.autograd.grad(crit(mix).sum(), mix, create_graph=True)
        penalty = ((g.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
        loss = crit(fake).mean() - crit(x).mean() + 10 * penalty
        c_optimizer.zero_grad()
        loss.backward()
        c_optimizer.step()
        if step % 3 == 0:
            loss = -crit(gen(z)).mean()
            g_optimizer.zero_grad()
            loss.backward()
            g_optimizer.step()

gen.eval()
with torch.no_grad():
    numpy.save(o.out, (gen(torch.randn(2000, 64)) / 2 + 0.5).numpy())
