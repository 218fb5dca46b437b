"""Small networks with attention or recurrence, as people write them, seeded so that their outputs hang on the input."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention; `fused` by torch's own function, else spelled out. `bias` is added to the scores."""

    def __init__(self, width: int, heads: int, fused: bool = False) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        else:
            scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1)
            y = (scores if bias is None else scores + bias).softmax(-1) @ v
        return self.project(y.transpose(1, 2).reshape(b, n, c))


class Feed(nn.Sequential):
    """The two linear layers of a block."""

    def __init__(self, width: int, approximate: str = "none") -> None:
        super().__init__(nn.Linear(width, 2 * width), nn.GELU(approximate), nn.Linear(2 * width, width))


class ViT(nn.Module):
    """Patches, a class token, positions, two blocks, a head that reads the class token."""

    def __init__(self, fused: bool, approximate: str = "none") -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 24, 8, 8)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 24)), nn.Parameter(torch.randn(1, 17, 24))
        self.before = nn.ModuleList(nn.LayerNorm(24) for _ in range(4))
        self.attend = nn.ModuleList(Attention(24, 3, fused) for _ in range(2))
        self.feed = nn.ModuleList(Feed(24, approximate) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        for i in range(2):
            x = x + self.attend[i](self.before[2 * i](x))
            x = x + self.feed[i](self.before[2 * i + 1](x))
        return self.head(self.norm(x)[:, 0])


class SwinBlock(nn.Module):
    """Attention in windows of 4 x 4 over an 8 x 8 grid, shifted or not, with the relative position bias."""

    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.shift, self.heads = shift, heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.feed = Attention(width, heads), Feed(width)
        self.table = nn.Parameter(torch.randn(49, heads))
        at = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")).flatten(1)
        apart = (at[:, :, None] - at[:, None, :]) + 3
        self.register_buffer("index", apart[0] * 7 + apart[1])
        zone = torch.zeros(8, 8)
        for i, rows in enumerate((slice(0, 4), slice(4, 6), slice(6, 8))):
            for j, columns in enumerate((slice(0, 4), slice(4, 6), slice(6, 8))):
                zone[rows, columns] = 3 * i + j
        zone = self.windows(zone[None, :, :, None])[..., 0]
        self.register_buffer("mask", (zone[:, None, :] != zone[:, :, None]).float() * -100.0)

    @staticmethod
    def windows(x: torch.Tensor) -> torch.Tensor:
        b, h, w, c = x.shape
        return x.view(b, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, h, w, c = x.shape
        y = self.first(x)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        bias = self.table[self.index.view(-1)].view(16, 16, self.heads).permute(2, 0, 1)[None]
        y = self.attend(self.windows(y), bias + self.mask[:, None] if self.shift else bias)
        y = y.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + y
        return x + self.feed(self.second(x))


class Swin(nn.Module):
    """Patches, a block, a shifted block, the merging of patches, a head on the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 16, 4, 4), nn.LayerNorm(16)
        self.blocks = nn.ModuleList([SwinBlock(16, 2, 0), SwinBlock(16, 2, 2)])
        self.merge, self.reduce = nn.LayerNorm(64), nn.Linear(64, 32, bias=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        for block in self.blocks:
            x = block(x)
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
        return self.head(self.reduce(self.merge(x)).mean((1, 2)))


class CRNN(nn.Module):
    """A text recogniser: convolutions down to one row, two bidirectional LSTMs or GRUs, class scores a column."""

    def __init__(self, layer: type[nn.RNNBase]) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d((4, 2), (4, 2)),
        )  # fmt: skip
        self.read = layer(16, 12, num_layers=2, bidirectional=True)
        self.classify = nn.Linear(24, 11)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        columns = self.convolve(x).squeeze(2).permute(2, 0, 1)
        return self.classify(self.read(columns)[0]).log_softmax(-1)


class Encoder(nn.Module):
    """torch's own encoder layer, then its attention with a causal mask of infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.attend = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        mask = torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf")), 1)
        return self.attend(x, x, x, attn_mask=mask, need_weights=False)[0]


class ConvolutionAttention(nn.Module):
    """Attention over the pixels of an image whose channels stay first, so that the queries are transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.project = nn.Conv2d(8, 24, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c, h, w = x.shape
        q, k, v = self.qkv(x).view(b, 2, 12, h * w).split(4, 2)
        shares = (q.transpose(-2, -1) @ k * 0.5).softmax(-1)
        return self.project((v @ shares.transpose(-2, -1)).reshape(b, c, h, w))


class LinearAttention(nn.Module):
    """Keys meet values first, and the queries are written as Einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(16, 48)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return torch.einsum("bnd,bde->bne", q.softmax(-1), k.softmax(1).transpose(1, 2) @ v)


def scaled(model: nn.Module) -> nn.Module:
    """Seed the weights anew, larger than torch would, so that attention is uneven and outputs hang on the input."""
    torch.manual_seed(7)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1.5 / parameter[0].numel() ** 0.5)
        elif "norm" not in name:
            nn.init.normal_(parameter, std=0.3)
    return model.eval()
