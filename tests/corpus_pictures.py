"""Sound files of every kind that is read, and their pixels, from the numbers that went into them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests import handmade
from tests.corpus_entry import DAMAGED, UNKNOWN, Entry, draw_grey, draw_picture, store
from tests.handmade import pack, write_png


def make_depths() -> Iterator[Entry]:
    """Yield every colour type and depth that a PNG may have, all three kinds of samples by hand."""
    for depth in (1, 2, 4, 8, 16):
        top, wide = 2**depth - 1, 2 * 2 ** min(depth, 4)
        values = [round(top * place / (wide - 1)) for place in range(wide)]
        shown = draw_grey([round(255 * value / top) for value in values])
        yield Entry(f"grey-{depth}.png", write_png((wide, 1), depth, 0, [pack(values, depth)]), shown)
        if depth < 16:
            table = [((7 * n) % 256, (255 - n) % 256, (n * n) % 256) for n in range(2**depth)]
            chunks, rows = {"PLTE": bytes(sum(table, ()))}, [pack(values, depth)]
            shown = np.array([[table[value] for value in values]])
            yield Entry(f"palette-{depth}.png", write_png((wide, 1), depth, 3, rows, **chunks), shown)
    rgb = [(0, 128, 255), (255, 1, 77)]
    for depth, factor in ((8, 1), (16, 257)):
        for colour, rest in ((2, ()), (6, (255 * factor,))):
            row = pack(
                [factor * one for pixel in rgb for one in (*pixel, *((r // factor) for r in rest))], depth
            )
            yield Entry(f"rgb-{depth}-{colour}.png", write_png((2, 1), depth, colour, [row]), np.array([rgb]))
        row = pack([factor * one for one in (60, 255, 60, 0, 60, 51)], depth)  # opaque, clear, one fifth
        yield Entry(
            f"grey-alpha-{depth}.png", write_png((3, 1), depth, 4, [row]), draw_grey([60, 255, 216]), off=1
        )


def make_keys() -> Iterator[Entry]:
    """Yield pictures whose transparent colour (tRNS) is white, and no other is."""
    for depth in (1, 2, 4, 8, 16):
        top, key = 2**depth - 1, max(0, 2 ** (depth - 1) - 1)
        other = top if depth == 1 else top // 3 * 2
        file = write_png((2, 1), depth, 0, [pack([key, other], depth)], tRNS=struct.pack(">H", key))
        yield Entry(f"key-grey-{depth}.png", file, draw_grey([255, round(255 * other / top)]))
    for depth, key in ((8, (10, 20, 30)), (16, (2573, 5143, 7713))):
        row = pack([*key, *(one * (2**depth - 1) // 255 for one in (200, 100, 50))], depth)
        file = write_png((2, 1), depth, 2, [row], tRNS=struct.pack(">HHH", *key))
        yield Entry(f"key-rgb-{depth}.png", file, np.array([[[255, 255, 255], [200, 100, 50]]]))
    for depth in (1, 2, 4, 8):
        chunks = {"PLTE": bytes((10, 20, 30, 40, 50, 60)), "tRNS": b"\x33\0"}
        file = write_png((2, 1), depth, 3, [pack([0, 1], depth)], **chunks)
        yield Entry(f"key-palette-{depth}.png", file, np.array([[[206, 208, 210], [255, 255, 255]]]))
    short = write_png((2, 1), 8, 0, [b"ab"], tRNS=b"")
    yield Entry("key-short.png", short, says=f"{UNKNOWN}|{DAMAGED}")


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return what EXIF's table says: where row 0 and column 0 of the file lie in the picture."""
    flips = {1: "", 2: "h", 3: "hv", 4: "v", 5: "t", 6: "th", 7: "thv", 8: "tv"}.get(orientation, "")
    steps = {"h": lambda a: a[:, ::-1], "v": lambda a: a[::-1], "t": lambda a: a.transpose(1, 0, 2)}
    for flip in flips:
        pixels = steps[flip](pixels)
    return pixels


def make_rotations() -> Iterator[Entry]:
    pixels = draw_picture()
    image = Image.fromarray(pixels)
    for orientation in range(1, 9):
        upright, block = turn(pixels, orientation), handmade.write_exif(orientation)
        for kind in ("PNG", "TIFF", "WEBP"):
            exif = block if kind != "TIFF" else Image.Exif()
            if isinstance(exif, Image.Exif):
                exif[274] = orientation
            yield Entry(f"turned-{orientation}.{kind.lower()}", store(image, kind, exif=exif), upright)
        jpeg = store(image, "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0" + block)
        yield Entry(f"turned-{orientation}.jpeg", jpeg, upright, off=8)
    for name, block in (
        ("nine", handmade.write_exif(9)),
        ("zero", handmade.write_exif(0)),
        ("rubbish", b"II*\0\xff\xff"),
        ("nowhere", b"II+\0\x08\0\0\0" + b"\xff" * 8),  # a BigTIFF whose directory lies beyond any file
    ):
        jpeg = store(image, "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0" + block)
        yield Entry(f"turned-{name}.jpeg", jpeg, pixels, off=8)


def make_tiffs() -> Iterator[Entry]:
    """Numbers of all kinds, both orders of bytes, tiles, and several pages."""
    size, inf, nan = (4, 1), np.inf, np.nan
    floats = {
        "float": ([0, 1, 2, 4], [0, 64, 128, 255]),
        "float-negative": ([-1, 0, 1, 3], [0, 64, 128, 255]),
        "float-nan": ([nan, 0, 1, 2], [0, 0, 128, 255]),
        "float-infinite": ([-inf, 0, 2, inf], [0, 0, 255, 255]),
        "float-huge": ([-3e38, 0, 0, 3e38], [0, 128, 128, 255]),
        "float-flat": ([7, 7, 7, 7], [0, 0, 0, 0]),
        "float-nothing": ([nan, nan, nan, nan], [0, 0, 0, 0]),
    }
    for name, (values, shown) in floats.items():
        data = np.array(values, dtype="<f4").tobytes()
        yield Entry(f"{name}.tif", handmade.write_strip(size, data, bits=32, kind=3), draw_grey(shown), off=1)
    wide = np.array([0, 257, 32896, 65535])
    yield Entry(
        "16-bit.tif",
        handmade.write_strip(size, wide.astype("<u2").tobytes(), bits=16),
        draw_grey([0, 1, 128, 255]),
    )
    whole = {
        "signed": ([-100, 0, 100, 300], [0, 64, 128, 255]),
        "counted": ([0, 257, 32896, 65535], [0, 1, 128, 255]),
    }
    for name, (values, shown) in whole.items():
        data = np.array(values, dtype="<i4").tobytes()
        yield Entry(
            f"32-bit-{name}.tif", handmade.write_strip(size, data, bits=32, kind=2), draw_grey(shown), off=1
        )
    plain = [(256, 4, 1, 2), (257, 4, 1, 1), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags = [*plain, (273, 4, 1, handmade.locate_body(8)), (278, 4, 1, 1), (279, 4, 1, 4)]
    big = handmade.write_tiff(tags, order=">", body=struct.pack(">HH", 257, 65535))
    yield Entry("16-bit-big-endian.tif", big, draw_grey([1, 255]))
    plain = [(256, 4, 1, 20), (257, 4, 1, 10), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags = [*plain, (322, 4, 1, 32), (323, 4, 1, 16), (324, 4, 1, handmade.locate_body(9)), (325, 4, 1, 512)]
    tile = np.arange(512, dtype=np.uint16).reshape(16, 32).astype(np.uint8)
    shown = np.repeat(tile[:10, :20, None], 3, axis=-1)
    yield Entry("tiled.tif", handmade.write_tiff(tags, body=tile.tobytes()), shown)
    pixels = draw_picture()
    image, other = Image.fromarray(pixels), Image.new("RGB", (9, 9))
    for compression in ("raw", "tiff_adobe_deflate", "tiff_lzw", "packbits", "lzma", "zstd"):
        yield Entry(f"{compression}.tif", store(image, "TIFF", compression=compression), pixels)
    pages = store(image, "TIFF", save_all=True, append_images=[other])
    yield Entry("pages.tif", pages, pixels)
    neutral = Image.merge("LAB", [Image.new("L", (2, 1), value) for value in (255, 128, 128)])
    yield Entry("lab.tif", store(neutral, "TIFF"), draw_grey([255, 255]), off=2)
    mask = Image.fromarray(np.eye(8, dtype=bool))
    yield Entry(
        "1-bit.tif", store(mask, "TIFF", compression="group4"), np.repeat(255 * np.eye(8)[..., None], 3, -1)
    )


def make_colours() -> Iterator[Entry]:
    """Inks, transparency and colour profiles."""
    inks = Image.new("CMYK", (8, 8), (255, 0, 128, 51))
    shown = np.broadcast_to([0, 204, 102], (8, 8, 3))  # (1 - ink) (1 - black)
    for kind, off in (("TIFF", 1), ("JPEG", 4)):
        yield Entry(f"cmyk.{kind.lower()}", store(inks, kind), shown, off=off)
    values = list(range(0, 256, 6))
    light = np.array(values) / 255
    seen = 255 * np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )  # IEC 61966-2-1
    ramp = Image.fromarray(np.array([values], dtype=np.uint8))
    as_it_is, bright = draw_grey(values), draw_grey(seen.round().astype(int).tolist())
    of_grey, of_rgb = handmade.write_linear_profile(b"GRAY"), handmade.write_linear_profile(b"RGB ")
    of_inks = handmade.write_profile(b"CMYK", {})
    cases = {
        "grey-of-grey": ("L", of_grey, bright),
        "rgb-of-rgb": ("RGB", of_rgb, bright),
        "rgb-of-grey": ("RGB", of_grey, as_it_is),
        "grey-of-rgb": ("L", of_rgb, as_it_is),
        "rgb-of-inks": ("RGB", of_inks, as_it_is),
        "rubbish": ("RGB", b"rubbish", as_it_is),
        "cut": ("RGB", of_rgb[:200], as_it_is),
        "alpha": ("RGBA", of_rgb, bright),
    }
    for name, (mode, profile, shown) in cases.items():
        for kind in ("PNG", "TIFF", "WEBP"):
            if (mode, kind) != ("L", "WEBP"):
                file, off = store(ramp.convert(mode), kind, icc_profile=profile), 1
                if name == "grey-of-grey":
                    off = 6  # Little CMS has few steps for the darkest greys, which gamma pulls apart
                yield Entry(f"profile-{name}.{kind.lower()}", file, shown, off=off)
    clear = np.concatenate([draw_picture(), np.full((24, 32, 1), 51, dtype=np.uint8)], axis=-1)
    on_white = np.rint(draw_picture() * 0.2 + 255 * 0.8)
    for kind in ("PNG", "TIFF", "WEBP"):
        yield Entry(f"alpha.{kind.lower()}", store(Image.fromarray(clear), kind), on_white, off=1)
    clear[..., 3], clear[..., :3] = 0, (9, 99, 199)
    for kind in ("AVIF", "PNG", "TIFF", "WEBP"):
        file = store(Image.fromarray(clear), kind)
        yield Entry(f"clear.{kind.lower()}", file, np.full((24, 32, 3), 255), off=2)


def make_animations() -> Iterator[Entry]:
    """Yield the first frame, whatever follows."""
    first, then = Image.new("RGB", (16, 12), (200, 40, 90)), Image.new("RGB", (16, 12), "blue")
    shown = np.broadcast_to([200, 40, 90], (12, 16, 3))
    for kind, off in (("GIF", 0), ("PNG", 0), ("WEBP", 0), ("AVIF", 4)):
        file = store(first, kind, save_all=True, append_images=[then], duration=50)
        yield Entry(f"animated.{kind.lower()}", file, shown, off=off)
    masked = Image.fromarray(np.tile(np.array([0, 1], dtype=np.uint8), (4, 4)), "P")
    masked.putpalette([10, 20, 30, 40, 50, 60])
    shown = np.tile([[255, 255, 255], [40, 50, 60]], (4, 4, 1))
    yield Entry("masked.gif", store(masked, "GIF", transparency=0), shown)
    for interlace in (0, 1):
        plain = Image.fromarray(draw_picture()[..., 0])
        file = store(plain, "GIF", interlace=interlace)
        yield Entry(f"interlaced-{interlace}.gif", file, np.repeat(draw_picture()[..., :1], 3, -1))


def make_bmps() -> Iterator[Entry]:
    pixels = draw_picture()
    image = Image.fromarray(pixels)
    yield Entry("24-bit.bmp", store(image, "BMP"), pixels)
    yield Entry("8-bit.bmp", store(image.getchannel(0), "BMP"), np.repeat(pixels[..., :1], 3, -1))
    yield Entry(
        "runs.bmp",
        handmade.run_length_bmp((5, 2), 1, [(0, 0, 0), (9, 8, 7)]),
        np.broadcast_to([9, 8, 7], (2, 5, 3)),
    )
    upside_down = bytearray(store(image, "BMP"))
    struct.pack_into("<i", upside_down, 22, -24)  # a negative height: the first row is the upper one
    yield Entry("upside-down.bmp", bytes(upside_down), pixels[::-1])
