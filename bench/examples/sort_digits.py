"""An encoder and a decoder with cross-attention learn to sort strings of ten digits."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from common import arguments, report
from schedules import cosine

o = arguments(epochs=4)
START = 10


class Translator(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.source = nn.Embedding(10, width)
        self.target = nn.Embedding(11, width)
        self.source_position = nn.Parameter(0.02 * torch.randn(10, width))
        self.target_position = nn.Parameter(0.02 * torch.randn(10, width))
        options = dict(
            dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        encoder = nn.TransformerEncoderLayer(width, 4, 4 * width, **options)
        decoder = nn.TransformerDecoderLayer(width, 4, 4 * width, **options)
        self.encoder = nn.TransformerEncoder(
            encoder, 2, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(decoder, 2, nn.LayerNorm(width))
        self.head = nn.Linear(width, 10)

    def encode(self, source):
        return self.encoder(self.source(source) + self.source_position)

    def decode(self, target, memory):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        x = self.target(target) + self.target_position
        return self.head(self.decoder(x, memory, tgt_mask=mask, tgt_is_causal=True))


def shifted(y):
    return F.pad(y[:, :-1], (1, 0), value=START)


net = Translator()
for w in (net.source.weight, net.target.weight):
    nn.init.normal_(w, std=0.02)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
schedule = LambdaLR(optimizer, cosine(1000 * o.epochs, warmup=200))

for step in range(1000 * o.epochs):
    x = torch.randint(0, 10, (128, 10))
    y = x.sort(1).values
    loss = F.cross_entropy(net.decode(shifted(y), net.encode(x)).transpose(1, 2), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1)
    optimizer.step()
    schedule.step()


@torch.no_grad()
def sorted_digits(x):
    memory = net.encode(x)
    t = torch.full((len(x), 11), START)
    for i in range(10):
        t[:, i + 1] = net.decode(t[:, :10], memory)[:, i].argmax(1)
    return t[:, 1:]


net.eval()
x = torch.randint(0, 10, (10000, 10))
report("strings", (sorted_digits(x) == x.sort(1).values).all(1).float().mean().item())
