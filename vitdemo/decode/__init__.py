"""From an upload to 8-bit RGB, upright and in sRGB: any picture that can be read, at a bounded cost."""

from vitdemo.decode.picture import FORMATS, BadImage, decode

__all__ = ["FORMATS", "BadImage", "decode"]
