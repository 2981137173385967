"""Make a thumbnail of each photo, in another bucket, under the same key."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, Literal, TypeVar

import boto3
from aws_lambda_powertools import Logger, Metrics
from PIL import ExifTags, Image, UnidentifiedImageError
from pydantic import BaseModel, Field
from s3batch_handler import PermanentFailure, Task, task_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TARGET_BUCKET = os.environ["TARGET_BUCKET"]
FORMATS = (
    "JPEG",
    "PNG",
    "GIF",
    "WEBP",
    "TIFF",
)  # each further format would be a risk
MAX_BYTES = 100 * 1024**2
Image.MAX_IMAGE_PIXELS = 50_000_000  # Pillow refuses images above twice that, 400 MB in memory

MAX_PROFILE_BYTES = 65_519  # one segment of a JPEG
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

logger = Logger(service="{{cookiecutter.project_slug}}")
metrics = Metrics(namespace="S3Batch", service="{{cookiecutter.project_slug}}")
s3 = boto3.client("s3")


class Arguments(BaseModel, extra="forbid"):
    """User arguments of the job. S3 sends strings, and pydantic converts them."""

    size: int = Field(default=256, ge=16, le=4096)
    """Pixels of the longer side."""
    quality: int = Field(default=80, ge=1, le=95)


class Thumbnail(BaseModel):
    """The message of each photo in the completion report, as JSON."""

    width: int
    height: int
    bytes: int


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(arguments=Arguments, logger=logger, metrics=metrics)
def handler(task: Task[Arguments]) -> Thumbnail:
    """Read a photo, shrink it and write it as JPEG.

    Errors that are not known to be temporary are permanent failures, among them all errors of
    Pillow for damaged files.
    """
    arguments = task.job.arguments
    if task.bucket == TARGET_BUCKET:
        raise PermanentFailure("the thumbnail would replace the photo")
    response = s3.get_object(**task.location)
    if response["ContentLength"] > MAX_BYTES:
        raise PermanentFailure(f"too large: {response['ContentLength']:,} bytes")
    try:
        thumbnail, transposition, profile = read(response["Body"].read(), arguments.size)
    except UnidentifiedImageError:  # its text contains a memory address
        raise PermanentFailure(f"not an image in one of the formats {', '.join(FORMATS)}") from None
    thumbnail.info.clear()  # otherwise comments would be written into the thumbnail
    thumbnail.thumbnail((arguments.size, arguments.size))
    if transposition is not None:
        thumbnail = thumbnail.transpose(transposition)
    if thumbnail.mode == "RGBA":  # JPEG has no transparency
        white = Image.new("RGBA", thumbnail.size, "white")
        thumbnail = Image.alpha_composite(white, thumbnail).convert("RGB")
    jpeg = io.BytesIO()
    thumbnail.save(jpeg, "JPEG", quality=arguments.quality, optimize=True, icc_profile=profile)
    s3.put_object(
        Bucket=TARGET_BUCKET,
        Key=task.key,
        Body=jpeg.getvalue(),
        ContentType="image/jpeg",
    )
    return Thumbnail(width=thumbnail.width, height=thumbnail.height, bytes=jpeg.tell())


# Pillow refuses a photo if a comment, the EXIF block or private data in it is damaged or very long.
# So a photo that Pillow refuses is read again without its metadata.

T = TypeVar("T")
Photo = tuple[Image.Image, Image.Transpose | None, bytes | None]
Kind = Literal["picture", "exif", "profile", "other"]


def read(content: bytes, size: int) -> Photo:
    """Return a photo's pixels, the transposition that turns it upright, and its color profile."""
    try:
        return decode(content, size)
    except (PermanentFailure, Image.DecompressionBombError):
        raise
    except Exception:  # Pillow also raises SyntaxError, struct.error and others
        pixels, _, _ = decode(keep(content), size)
        profile = read_metadata(content, "profile", rgb_profile_of)
        return pixels, read_metadata(content, "exif", transposition_of), profile


def decode(content: bytes, size: int) -> Photo:
    with Image.open(io.BytesIO(content), formats=FORMATS) as photo:
        if photo.mode[0] in "IF":  # values above 255 would become white
            raise PermanentFailure(f"not a photo: pixels are {photo.mode}")
        photo.draft("RGB", (size * 2, size * 2))  # JPEG: decode only that size
        pixels = photo.convert("RGBA" if photo.has_transparency_data else "RGB")
        return pixels, transposition_of(photo), rgb_profile_of(photo)


def read_metadata(content: bytes, kind: Kind, function: Callable[[Image.Image], T]) -> T | None:
    """Return what a function reads from one kind of metadata; ``None`` if that is damaged."""
    try:
        with Image.open(io.BytesIO(keep(content, kind)), formats=FORMATS) as photo:
            return function(photo)
    except Exception:
        return None


def transposition_of(photo: Image.Image) -> Image.Transpose | None:
    """Return the transposition that turns a photo upright, if its EXIF contains a valid one."""
    try:
        return TRANSPOSITIONS.get(photo.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return None


def rgb_profile_of(photo: Image.Image) -> bytes | None:
    """Return the photo's color profile if it is valid for an RGB thumbnail."""
    profile = photo.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 128 <= len(profile) <= MAX_PROFILE_BYTES:
        return None
    length, colors, signature = profile[:4], profile[16:20], profile[36:40]
    fits = (colors, signature) == (b"RGB ", b"acsp") and len(profile) == int.from_bytes(length)
    return profile if fits and photo.mode in ("RGB", "RGBA", "P") else None


def keep(content: bytes, *metadata: Kind) -> bytes:
    """Return a photo without its metadata, except for these kinds."""
    kinds: set[Kind] = {"picture", *metadata}
    if content.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return _tiff(content, kinds)
    for signature, parts in _PARTS.items():
        if content.startswith(signature):
            kept = b"".join(part for kind, part in parts(content) if kind in kinds)
            if signature == b"RIFF":  # its length comes next
                kept = kept[:4] + max(0, len(kept) - 8).to_bytes(4, "little") + kept[8:]
            return kept
    return content


def _jpeg(content: bytes) -> Iterator[tuple[Kind, bytes]]:
    """Yield the segments up to the picture, then everything else."""
    yield "picture", content[:2]
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] not in (b"\xda", b""):
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        end = at + 2
        if marker not in (0x01, *range(0xD0, 0xDA)):  # these have no length
            end += max(2, int.from_bytes(content[end : end + 2]))
        kind: Kind = "picture"
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:  # a comment, or data of a program
            of_adobe = marker == 0xEE and content.startswith(b"Adobe", at + 4) and end - at >= 16
            names: dict[int, Kind] = {0xE1: "exif", 0xE2: "profile"}
            kind = "picture" if of_adobe else names.get(marker, "other")  # Adobe's: is it CMYK?
            if content[end : end + 1] != b"\xff":  # the length is wrong
                following = _next(rb"\xff[\xc0-\xc4\xda-\xdd\xe0-\xef\xfe]", content, at + 4)
                if b"\xff\xd8" not in content[at:following]:  # no embedded thumbnail
                    end = following
        yield kind, content[at:end]
        at = end
    yield "picture", content[at:]


def _png(content: bytes) -> Iterator[tuple[Kind, bytes]]:
    yield "picture", content[:8]
    at = 8
    names: dict[bytes, Kind] = {b"tRNS": "picture", b"eXIf": "exif", b"iCCP": "profile"}
    while at < len(content):
        name = content[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(content[at : at + 4])
        kind: Kind = "picture" if name[:1].isupper() else names.get(name, "other")
        if name.endswith(b"Xt") and re.search(rb"exif\0|adobe.xmp\0", content[at + 8 : at + 40]):
            kind = "exif"  # as text
        if kind != "picture" and not content[end + 4 : end + 8].isalpha():
            end = _next(rb"....(IDAT|IEND)", content, at + 8)  # the length is wrong
        yield kind, content[at:end]
        at = end


def _gif(content: bytes) -> Iterator[tuple[Kind, bytes]]:
    """Yield the extensions up to the first picture, then everything else."""
    at = 13
    flags = int.from_bytes(content[10:11])
    if flags & 0x80:  # there is a table of colors
        at += 3 * 2 ** (flags % 8 + 1)
    yield "picture", content[:at]
    while content[at : at + 1] == b"!":
        end = at + 2
        while size := int.from_bytes(content[end : end + 1]):
            end += 1 + size
        is_transparency = content[at + 1 : at + 3] == b"\xf9\4"
        yield "picture" if is_transparency else "other", content[at : end + 1]
        at = end + 1
    yield "picture", content[at:]


def _webp(content: bytes) -> Iterator[tuple[Kind, bytes]]:
    yield "picture", content[:12]
    at = 12
    names: dict[bytes, Kind] = {b"EXIF": "exif", b"XMP ": "exif", b"ICCP": "profile"}
    while at < len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        kind = names.get(name, "other")
        if re.match(rb"VP8[ LX]|AL|AN", name):
            kind = "picture"
        elif not content[end : end + 3].isupper():
            end = _next(rb"VP8[ L]|ALPH|ANIM", content, at + 8)  # the length is wrong
        yield kind, content[at:end]
        at = end


def _next(pattern: bytes, content: bytes, start: int) -> int:
    found = re.compile(pattern, re.DOTALL).search(content, start)
    return found.start() if found else len(content)


_PARTS = {b"\xff\xd8": _jpeg, b"\x89PNG\r\n\x1a\n": _png, b"GIF8": _gif, b"RIFF": _webp}


def _tiff(content: bytes, kinds: set[Kind]) -> bytes:
    """Return a TIFF, or a BigTIFF, with fewer tags. Tags that point past the end are left out."""
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], order)

    is_big = b"+" in content[:4]
    count_size, entry_size, size = (8, 20, 8) if is_big else (2, 12, 4)
    start = number(size, size)
    end = start + count_size + entry_size * number(start, count_size)
    if not 8 <= start < end <= len(content):
        return content
    kept = []
    for at in range(start + count_size, end, entry_size):
        length = _SIZES.get(number(at + 2, 2), 0) * number(at + 4, size)
        is_complete = length <= size or number(at + 4 + size, size) + length <= len(content)
        if is_complete and _TAGS.get(number(at, 2), "other") in kinds:
            kept.append(content[at : at + entry_size])
    directory = len(kept).to_bytes(count_size, order) + b"".join(kept)
    return content[:start] + directory.ljust(end + size - start, b"\0") + content[end + size :]


_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_TAGS: dict[int, Kind] = {
    **dict.fromkeys((*range(256, 260), 262, 266, 273, *range(277, 280), 284, 292, 293), "picture"),
    **dict.fromkeys((317, 320, *range(322, 326), 338, 339, 347, *range(512, 533)), "picture"),
    274: "exif",
    34675: "profile",
}
