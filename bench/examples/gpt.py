"""A causal transformer with a cache."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, batches, over_rows, report, steps_of
from schedules import cosine
from text import characters, split

o = arguments(epochs=2, part=1.0)
D, HEADS, DEPTH, CTX, VOCAB = 128, 4, 4, 128, 80


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(D)
        self.qkv = nn.Linear(D, 3 * D)
        self.out = nn.Linear(D, D)
        self.norm2 = nn.LayerNorm(D)
        self.up = nn.Linear(D, 4 * D)
        self.down = nn.Linear(4 * D, D)

    def attention(self, x, cache):
        b, n, _ = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        return self.out(a.transpose(1, 2).reshape(b, n, D)), (k, v)

    def forward(self, x, cache=None):
        a, cache = self.attention(self.norm1(x), cache)
        x = x + a
        return x + self.down(F.gelu(self.up(self.norm2(x)))), cache


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, D)
        self.positions = nn.Embedding(CTX, D)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(D)
        for w in (self.tokens.weight, self.positions.weight):
            nn.init.normal_(w, std=0.02)

    def forward(self, t, caches=None, pos=0):
        x = self.tokens(t) + self.positions(torch.arange(pos, pos + t.shape[1]))
        kept = []
        for i, block in enumerate(self.blocks):
            x, cache = block(x, caches[i] if caches else None)
            kept.append(cache)
        return self.norm(x) @ self.tokens.weight.T, kept


def losses(x):
    return F.cross_entropy(
        net(x[:, :CTX])[0].transpose(1, 2), x[:, 1:], reduction="none"
    )


net = GPT()
train, valid = split(characters(), CTX + 1, CTX, part=o.part)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
schedule = LambdaLR(optimizer, cosine(steps_of(len(train), 32, o.epochs), warmup=100))

for epoch in range(o.epochs):
    for x in batches(32, train):
        loss = losses(x).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        schedule.step()

report("loss", over_rows(losses, valid, 64).mean().item())


@torch.no_grad()
def write(prompt, m, temperature):
    y, caches = net(prompt)
    written = []
    for i in range(m):
        k = torch.distributions.Categorical(logits=y[:, -1] / temperature).sample()
        y, caches = net(k.unsqueeze(1), caches, prompt.shape[1] + i)
        written.append(k)
    return torch.stack(written, 1)
