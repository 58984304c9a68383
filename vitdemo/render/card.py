"""A picture to be sent: as large as the previews that messengers and networks show beside a link."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from vitdemo.render.geometry import Size, enlarge_view
from vitdemo.render.palette import INK, PAPER, Colour
from vitdemo.render.text import load_font, respell, wrap

CARD: Size = (1200, 630)
MARGIN, GAP = 48, 40
SMALL = 180  # pixels of the whole picture
TITLE, LINE, LEAST = 60, 30, 14  # heights of letters
ROW = 1.3  # the height of a row, in letters
ACCENT: Colour = (15, 118, 110)
QUIET: Colour = (87, 83, 78)


def draw_card(
    shown: Image.Image, whole: Image.Image, *, title: Sequence[str], lines: Sequence[str]
) -> Image.Image:
    """Draw the picture `shown` large, with `title` and `lines` beside it, at 1200 x 630 pixels.

    The last part of the title has another colour. Below stands `whole`, the picture as it was.
    """
    card = Image.new("RGB", CARD, PAPER)
    edge = CARD[1] - 2 * MARGIN
    put(card, shown, (MARGIN, MARGIN), edge)
    left = MARGIN + edge + GAP
    put(card, whole, (left, CARD[1] - MARGIN - SMALL), SMALL)
    draw, room = ImageDraw.Draw(card), CARD[0] - MARGIN - left
    y = MARGIN - TITLE // 5
    for words, colour in zip(title, (INK, ACCENT), strict=False):
        y = write(draw, words, (left, y), room, size=TITLE, colour=colour)
    y += LINE // 2
    said, above = [*filter(None, lines)], CARD[1] - MARGIN - SMALL - y
    size = next((size for size in range(LINE, LEAST, -1) if height(said, room, size) < above), LEAST)
    for words in said:
        y = write(draw, words, (left, y), room, size=size, colour=QUIET)
    return card


def put(card: Image.Image, picture: Image.Image, place: tuple[int, int], edge: int) -> None:
    """Paste `picture` into the square of `edge` pixels at `place`, whole and in its middle."""
    picture = enlarge_view(picture)
    factor = edge / max(picture.size)
    width, height = (max(1, round(length * factor)) for length in picture.size)
    inside = (place[0] + (edge - width) // 2, place[1] + (edge - height) // 2)
    card.paste(picture.resize((width, height), Image.Resampling.LANCZOS), inside)


def write(
    draw: ImageDraw.ImageDraw, words: str, place: tuple[int, int], room: int, *, size: int, colour: Colour
) -> int:
    """Write `words` into `room` pixels, smaller rather than on three lines; return where they end."""
    size, x, y = narrow(words, room, size), *place
    for line in wrap(words, room, size)[:2]:
        draw.text((x, y), line, fill=colour, font=load_font(size, respell(words)))
        y += round(ROW * size)
    return y


def height(lines: Sequence[str], room: int, size: int) -> int:
    """Return how many pixels `lines` take one below the other, each written as by `write`."""
    sizes = [narrow(words, room, size) for words in lines]
    rows = (len(wrap(words, room, own)[:2]) for words, own in zip(lines, sizes, strict=True))
    return sum(count * round(ROW * own) for count, own in zip(rows, sizes, strict=True))


def narrow(words: str, room: int, size: int) -> int:
    """Return the largest size up to `size` at which `words` take at most two lines, at least LEAST."""
    return next((one for one in range(size, LEAST, -1) if fits(words, room, one)), LEAST)


def fits(words: str, room: int, size: int) -> bool:
    """Return whether `words` take at most two lines, none wider than `room`."""
    lines = wrap(words, room, size)
    return len(lines) <= 2 and all(load_font(size, line).getlength(line) <= room for line in lines)
