"""What to do with a file that a visitor sent: look at its layout and header, decode it, or say why not."""

import io
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags, Image, ImageFile

from vitdemo.decode.cost import are_too_many_scans, cost_of_holding, cost_of_loading, find_exceeded_limit
from vitdemo.decode.parts import are_too_many
from vitdemo.decode.tags import are_overgrown
from vitdemo.decode.to_rgb import scale_key, to_rgb
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message

# A fixed list: Pillow knows more, some of them slow or, like EPS, run by an outside program.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

_DRAFT_SIZE = (2048, 2048)
_FACTORS = (1, 2, 4, 8)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NAME_LENGTH = 60  # characters of a file's name that a message shows
_THE_IMAGE = Message("The image")


class BadImage(ValueError):  # noqa: N818 - it names the upload, as the page does
    """The upload cannot be used; the message is one sentence for the user that names the file."""


def decode(source: str | Path | bytes | Image.Image, *, limits: Limits | None = None) -> Image.Image:
    """Return the picture in `source`, a path, the bytes of a file or an image, upright in 8-bit sRGB.

    The first frame of an animation; EXIF orientation applied; transparency on white; 16-bit grey divided
    by 257; floating point stretched from its own range; a valid colour profile converted to sRGB. JPEGs
    of 4096 px and more on both edges are decoded at 1/2, 1/4 or 1/8 of their size; any other picture is
    reduced by such a factor where it would take more memory than `limits` allow.

    Raise BadImage: no such file, empty, not an image, damaged, or over `limits`, all of which are seen in the
    header, before pixels are decoded.
    """
    limits = limits or Limits()
    if isinstance(source, Image.Image):
        _check_size(source.size, _THE_IMAGE, limits)
        with _name_damage(_THE_IMAGE):
            rgb, orientation = _convert(source)
    else:
        name, data = (_THE_IMAGE, source) if isinstance(source, bytes) else _read(Path(source), limits)
        rgb, orientation = _open(data, name, limits)
    method = _UPRIGHT.get(orientation)
    upright = rgb if method is None else rgb.transpose(method)
    upright.info.clear()  # orientation and profile are used up: nobody may apply them again
    return upright


def _open(data: bytes, name: str, limits: Limits) -> tuple[Image.Image, int]:
    """Return the picture as 8-bit sRGB, and its orientation; nothing else of it stays in memory."""
    if not data:
        raise BadImage(Message("{name} is empty (0 bytes).", name=name))
    with _name_damage(name):
        greedy = _is_greedy(data, limits)
    if greedy:
        raise BadImage(
            Message(
                "{name} is not laid out as pictures are: it would take far more than its size.",
                name=name,
            )
        )
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, limits.megapixels) from error
    except Exception as error:  # Pillow's readers let many kinds of error through on hostile bytes
        known = ", ".join(FORMATS)
        raise BadImage(
            Message("{name} is not an image of a known format ({formats}).", name=name, formats=known)
        ) from error
    with image:
        _check_size(image.size, name, limits)
        if most := find_exceeded_limit(image, data, limits):
            raise _too_large(name, most)
        with _name_damage(name):
            need, factor = _choose_reduction(image, data, limits)
            if factor:
                image.info.update(scale_key(image))
                return _convert(image, factor=factor)
        raise _too_heavy(name, need, limits)


def _is_greedy(data: bytes, limits: Limits) -> bool:
    """Return whether opening or decoding a file would take time or memory out of proportion to its size."""
    return (
        are_too_many(data, most=limits.picture_parts)
        or are_too_many_scans(data, most=limits.jpeg_scans)
        or are_overgrown(data)
    )


@contextmanager
def _name_damage(name: str) -> Iterator[None]:
    """Have whatever goes wrong told as damage, which shows itself in many ways."""
    try:
        yield
    except Exception as error:
        raise BadImage(
            Message("{name} is damaged, cut short or of an unsupported kind.", name=name)
        ) from error


def _convert(image: Image.Image, *, factor: int = 1) -> tuple[Image.Image, int]:
    """Return `image` decoded, as a new 8-bit sRGB image `factor` times smaller, and its orientation."""
    image.load()
    rgb = to_rgb(image, factor=factor)
    return rgb, _read_orientation(image)  # the TIFF reader turned its pictures itself


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF number of how `image` lies; a broken block must not cost the user a sound picture."""
    try:
        packed = image.info.get("Raw profile type exif", "")  # hexadecimal, in a compressed text of a PNG
        for block in (image.info.get("exif", b""), bytes.fromhex("".join(packed.split("\n")[3:]))):
            if are_overgrown(block.removeprefix(b"Exif\0\0")):
                return 1
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1


def _read(path: Path, limits: Limits) -> tuple[str, bytes]:
    """Return the name for messages, and the content."""
    name = _shorten(path.name)
    try:
        if path.is_file():  # also keeps away from pipes, which would block
            if path.stat().st_size > limits.picture_megabytes * MEGABYTE:
                raise _too_heavy(name, path.stat().st_size, limits)
            return name, path.read_bytes()
    except OSError:  # a name too long for the system, a folder or a file that may not be read
        pass
    raise BadImage(Message("{name} is not a file that can be read.", name=name))


def _shorten(name: str) -> str:
    """Return `name` without what would break or turn a line, and short enough to stand in one."""
    plain = unicodedata.normalize("NFC", name)
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in plain)
    if len(plain) <= _NAME_LENGTH:
        return plain or _THE_IMAGE
    half = _NAME_LENGTH // 2
    return f"{plain[:half]}…{plain[1 - half :]}"


def _check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise BadImage(Message("{name} has no pixels.", name=name))
    if width * height > limits.megapixels * 1_000_000:
        raise _too_large(name, limits.megapixels)
    if max(size) > limits.aspect * min(size):
        raise BadImage(
            Message(
                "{name} is {width} x {height} pixels; the long edge may be at most {times} times the short "
                "one.",
                name=name,
                width=width,
                height=height,
                times=limits.aspect,
            )
        )


def _choose_reduction(image: ImageFile.ImageFile, data: bytes, limits: Limits) -> tuple[int, int]:
    """Have a JPEG decoded small. Return the bytes that decoding takes, and by what `image` is to be reduced.

    The latter is 0 where nothing makes it fit `limits`.
    """
    full = image.size
    image.draft(None, _DRAFT_SIZE)
    pixels, least, need = image.width * image.height, cost_of_loading(image, data, full=full), 0
    for factor in _FACTORS:
        result = 4 * pixels // factor**2
        need = len(data) + max(least, cost_of_holding(image) + result, 2 * result)  # twice: turned upright
        if need <= limits.picture_megabytes * MEGABYTE:
            return need, factor
    return need, 0


def _too_large(name: str, megapixels: int) -> BadImage:
    return BadImage(
        Message("{name} is too large: the limit is {limit} megapixels.", name=name, limit=megapixels)
    )


def _too_heavy(name: str, need: int, limits: Limits) -> BadImage:
    return BadImage(
        Message(
            "{name} is too large: decoding it takes {need} MB of memory; the limit is {limit} MB.",
            name=name,
            need=-(-need // MEGABYTE),
            limit=limits.picture_megabytes,
        )
    )
