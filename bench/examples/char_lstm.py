"""A language model of characters: one LSTM."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, over_rows, report, steps_of
from schedules import cosine
from text import characters, split

o = arguments(epochs=3, part=1.0)


class Writer(nn.Module):
    def __init__(self, vocab=80, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, 64)
        self.lstm = nn.LSTM(64, width, batch_first=True)
        self.head = nn.Linear(width, vocab)

    def forward(self, t, s=None):
        h, s = self.lstm(self.embed(t), s)
        return self.head(h), s


def losses(x):
    return F.cross_entropy(
        net(x[:, :128])[0].transpose(1, 2), x[:, 1:], reduction="none"
    )


net = Writer()
train, valid = split(characters(), 129, 128, part=o.part)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
schedule = LambdaLR(optimizer, cosine(steps_of(len(train), 64, o.epochs), warmup=50))

for epoch in range(o.epochs):
    for x in batches(64, train):
        loss = losses(x).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        schedule.step()

report("loss", over_rows(losses, valid, 64).mean().item())


@torch.no_grad()
def write(prompt, m, temperature):
    y, s = net(prompt)
    written = []
    for _ in range(m):
        k = torch.distributions.Categorical(logits=y[:, -1] / temperature).sample()
        y, s = net(k.unsqueeze(1), s)
        written.append(k)
    return torch.stack(written, 1)
