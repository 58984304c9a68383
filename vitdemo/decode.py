"""From an upload to 8-bit RGB, upright and in sRGB: any picture that can be read."""

import io
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

MAX_MEGAPIXELS = 64
MAX_ASPECT = 50
# A fixed list: Pillow knows more, some of them slow or, like EPS, run by an outside program.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

_DRAFT_SIZE = (2048, 2048)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImage(ValueError):  # noqa: N818 - it names the upload, as the page does
    """The upload cannot be used; the message is one sentence for the user that names the file."""


def decode(source: str | Path | bytes | Image.Image) -> Image.Image:
    """The picture in `source` (a path, the bytes of a file, or an image) as a new upright 8-bit sRGB image.

    The first frame of an animation; EXIF orientation applied; transparency on white; 16-bit grey divided
    by 257; floating point stretched from its own range; a valid colour profile converted to sRGB. JPEGs
    of 4096 px and more on both edges are decoded at 1/2, 1/4 or 1/8 of their size.
    Raises BadImage: no such file, empty, not an image, damaged, over 64 megapixels (seen in the header,
    before pixels are decoded), or one edge more than 50 times the other.
    """
    if isinstance(source, Image.Image):
        return _convert(source, "The image")
    if isinstance(source, bytes):
        name, file, empty = "The image", io.BytesIO(source), not source
    else:
        path = Path(source)
        if not path.is_file():  # also keeps away from pipes, which would block
            raise BadImage(f"{path.name} is not a file that can be read.")
        name, file, empty = path.name, path, path.stat().st_size == 0
    if empty:
        raise BadImage(f"{name} is empty (0 bytes).")
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except Exception as error:  # Pillow's readers let many kinds of error through on hostile bytes
        raise BadImage(f"{name} is not an image of a known format ({', '.join(FORMATS)}).") from error
    with image:
        _check_size(image.size, name)
        image.draft(None, _DRAFT_SIZE)
        return _convert(image, name)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise BadImage(f"{name} has no pixels.")
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise _too_large(name)
    if max(size) > MAX_ASPECT * min(size):
        limit = f"the long edge may be at most {MAX_ASPECT} times the short one"
        raise BadImage(f"{name} is {width} x {height} pixels; {limit}.")


def _too_large(name: str) -> BadImage:
    return BadImage(f"{name} is too large: the limit is {MAX_MEGAPIXELS} megapixels.")


def _convert(image: Image.Image, name: str) -> Image.Image:
    """Checked, decoded, 8-bit RGB, upright; a new image in any case."""
    _check_size(image.size, name)
    try:
        image.load()
        rgb = _on_white(image)
    except Exception as error:  # as in decode(): damage shows itself in many ways
        raise BadImage(f"{name} is damaged, cut short or of an unsupported kind.") from error
    # After load(), because the TIFF reader turns its pictures itself.
    method = _UPRIGHT.get(_orientation(image))
    upright = rgb if method is None else rgb.transpose(method)
    upright.info.clear()  # orientation and profile are used up: nobody may apply them again
    return upright


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block must not cost the user a sound picture
        return 1


def _on_white(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bit(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, integer or floating point, as 8-bit grey."""
    values = np.array(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    scaled = (values - low) / ((high - low) or 1.0) * 255
    return Image.fromarray(np.rint(np.nan_to_num(scaled).clip(0, 255)).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Left as it is where the profile is broken, of another colour space, or sRGB already."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted or image
