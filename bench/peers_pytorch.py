"""The models of bench/models in PyTorch eager, as its users write them: same layers, Adam, data in memory.

usage: peers_pytorch.py MODEL [--rows N] [--steps N] [--repeat N] [--threads N]
Prints the median time of a training step (batch 128; gpt 16), or with --rows of a prediction for N rows, in
milliseconds, one line a repetition, so that bench/steps.py can pair them with ours. With one thread CPU time counts,
as it does in `nn bench`.
"""
import gzip

import timing
import torch
from torch import nn
from torch.nn import functional as F

DATA = "/usr/share/datasets/fashion-mnist"


def images(name):
    with gzip.open(f"{DATA}/{name}-images-idx3-ubyte.gz") as f:
        raw = torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8)
    with gzip.open(f"{DATA}/{name}-labels-idx1-ubyte.gz") as f:
        labels = torch.frombuffer(bytearray(f.read()[8:]), dtype=torch.uint8)
    return raw.reshape(-1, 1, 28, 28), labels.long()


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10))


def stage(before, channels):
    return [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


def cnn():
    return nn.Sequential(*stage(1, 32), *stage(32, 64), nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(),
                         nn.Dropout(0.3), nn.Linear(128, 10))


class Residual(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, channels, 3, stride, 1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1), nn.BatchNorm2d(channels))
        self.skip = nn.Identity() if stride == 1 and before == channels else nn.Conv2d(before, channels, 1, stride)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet():
    layers, before = [nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()], 16
    for channels in (16, 32, 64):
        for i in range(3):
            layers.append(Residual(before, channels, 2 if i == 0 and channels > 16 else 1))
            before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def separable():
    layers, before = [nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()], 32
    for channels, stride in ((64, 1), (128, 2), (128, 1), (256, 2)):
        layers += [nn.Conv2d(before, before, 3, stride, 1, groups=before), nn.BatchNorm2d(before), nn.ReLU(),
                   nn.Conv2d(before, channels, 1), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 128, num_layers=2, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, image):
        return self.head(self.lstm(image.squeeze(1))[0][:, -1])


class Block(nn.Module):
    def __init__(self, width, heads, dropout, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.dropout(self.out(a.transpose(1, 2).reshape(b, t, d)))
        return x + self.dropout(self.down(F.gelu(self.up(self.ln2(x)))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(1, 64, 4, 4)
        self.token, self.place = nn.Parameter(0.02 * torch.randn(64)), nn.Parameter(0.02 * torch.randn(50, 64))
        self.blocks = nn.Sequential(*[Block(64, 4, 0.1, False) for _ in range(4)])
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, image):
        x = self.proj(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), 1, 64), x], 1) + self.place
        return self.head(self.norm(self.blocks(x)[:, 0]))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(128, 128), nn.Parameter(0.02 * torch.randn(128, 128))
        self.blocks = nn.Sequential(*[Block(128, 4, 0.1, True) for _ in range(4)])
        self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 128, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.token(tokens) + self.place)))


def ae():
    widths = [784, 256, 64, 16, 64, 256, 784]
    layers = [nn.Flatten()]
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b)] + ([] if b in (16, 784) else [nn.ReLU()])
    return nn.Sequential(*layers)


def generator():
    return nn.Sequential(
        nn.Linear(64, 128 * 49), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh())


def discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128 * 49, 1))


def adversarial_step():
    gen, disc = generator(), discriminator()
    gen_optimizer = torch.optim.Adam(gen.parameters(), lr=2e-4, betas=(0.5, 0.999))
    disc_optimizer = torch.optim.Adam(disc.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(image, _):
        fake = gen(torch.randn(len(image), 64))
        disc_optimizer.zero_grad()
        loss = F.softplus(-disc(image * 2 - 1)).mean() + F.softplus(disc(fake.detach())).mean()
        loss.backward()
        gen_optimizer.zero_grad()
        for p in disc.parameters():
            p.requires_grad_(False)
        F.softplus(-disc(fake)).mean().backward()
        for p in disc.parameters():
            p.requires_grad_(True)
        disc_optimizer.step()
        gen_optimizer.step()
        return loss

    return step


def training_step(net, loss_of):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(net, x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


NETS = {"mlp": mlp, "cnn": cnn, "resnet": resnet, "separable": separable, "lstm": Lstm, "vit": Vit, "ae": ae, "gpt": Gpt}


def loss_of(model):
    if model == "ae":
        return lambda net, x, y: F.mse_loss(torch.sigmoid(net(x)), x.flatten(1))
    if model == "gpt":
        return lambda net, x, y: F.cross_entropy(net(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    return lambda net, x, y: F.cross_entropy(net(x), y)


def batches(model, batch):
    """Endless batches as the step takes them."""
    if model == "gpt":
        while True:
            yield torch.randint(128, (batch, 129)), None
    x, y = images("train")
    order = torch.randperm(len(x))
    at = 0
    while True:
        rows = order[at: at + batch]
        yield x[rows].float() / 255, y[rows]
        at = (at + batch) % (len(x) - batch)


def main():
    options = timing.options([*NETS, "dcgan"])
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    source = batches(options.model, options.rows or (16 if options.model == "gpt" else 128))
    if not options.rows:
        step = adversarial_step() if options.model == "dcgan" else training_step(NETS[options.model](), loss_of(options.model))
        timing.report(lambda: step(*next(source)).item(), options)
        return
    net = NETS[options.model]().eval()
    x = next(source)[0]
    x = x[:, :128] if options.model == "gpt" else x
    with torch.inference_mode():
        timing.report(lambda: net(x), options)


if __name__ == "__main__":
    main()
