"""Make a thumbnail of each photo, in another bucket, under the same key."""

from __future__ import annotations

import io
import os
import zlib
from typing import TYPE_CHECKING, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics
from PIL import ExifTags, Image, UnidentifiedImageError
from pydantic import BaseModel, Field
from s3batch_handler import PermanentFailure, Task, task_handler

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET_BUCKET = os.environ["TARGET_BUCKET"]
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF")  # Pillow has many more: each is one to attack
MOST_BYTES = 100 * 1024**2
Image.MAX_IMAGE_PIXELS = 50_000_000  # Pillow refuses images of twice that: 400 MB, up to thrice

LONGEST_PROFILE = 65_519  # bytes: what fits into one segment of a JPEG
LONGEST_UNPACKED = 1024**2  # bytes of a compressed PNG chunk; Pillow raises an error for more
TURNS = {
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
    """User arguments of the job; S3 sends text, pydantic makes numbers of it."""

    size: int = Field(default=256, ge=16, le=4096)
    """Pixels of the longer side."""
    quality: int = Field(default=80, ge=1, le=95)


class Thumbnail(BaseModel):
    """What the completion report tells of each photo, as JSON."""

    width: int
    height: int
    bytes: int


@logger.inject_lambda_context
@metrics.log_metrics
@task_handler(arguments=Arguments, logger=logger, metrics=metrics)
def handler(task: Task[Arguments]) -> Thumbnail:
    """Read a photo, shrink it, write it as JPEG.

    What Pillow raises for files that are damaged is a permanent failure, as all errors are that
    nobody knows to be temporary.
    """
    wanted = task.job.arguments
    if task.bucket == TARGET_BUCKET:
        raise PermanentFailure("the thumbnail would take the place of the photo")
    answer = s3.get_object(**task.location)
    if answer["ContentLength"] > MOST_BYTES:
        raise PermanentFailure(f"too large: {answer['ContentLength']:,} bytes")
    try:
        content = without_metadata(answer["Body"].read())
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:  # its text is another one each time: an address in memory
        raise PermanentFailure(f"none of {', '.join(FORMATS)}") from None
    with opened as photo:
        if photo.mode[0] in "IF":  # what is above 255 would become white
            raise PermanentFailure(f"not a photo: pixels are {photo.mode}")
        photo.draft("RGB", (wanted.size * 2, wanted.size * 2))  # of a JPEG, read no more than that
        thumbnail = photo.convert("RGBA" if photo.has_transparency_data else "RGB")
        turn, profile = turn_of(photo), rgb_profile_of(photo)
    thumbnail.info.clear()  # or comments would be written into the thumbnail
    thumbnail.thumbnail((wanted.size, wanted.size))
    if turn is not None:  # as the camera was held
        thumbnail = thumbnail.transpose(turn)
    if thumbnail.mode == "RGBA":  # JPEG has no transparency: on white, then
        white = Image.new("RGBA", thumbnail.size, "white")
        thumbnail = Image.alpha_composite(white, thumbnail).convert("RGB")
    jpeg = io.BytesIO()
    thumbnail.save(jpeg, "JPEG", quality=wanted.quality, optimize=True, icc_profile=profile)
    s3.put_object(
        Bucket=TARGET_BUCKET,
        Key=task.key,
        Body=jpeg.getvalue(),
        ContentType="image/jpeg",
    )
    return Thumbnail(width=thumbnail.width, height=thumbnail.height, bytes=jpeg.tell())


# Pillow reads comments, colour profiles and private data when it opens a file, and refuses the
# photo if one of them is damaged or very long. So what is not part of the picture is removed first.


def without_metadata(content: bytes) -> bytes:
    """Return a photo without comments and private data.

    Orientation and colour profile stay. GIF and WebP are returned unchanged: Pillow does not read
    their comments before it is asked to.
    """
    if content.startswith(b"\xff\xd8"):
        return b"".join(_jpeg(content))
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"".join(_png(content))
    if content.startswith((b"II*\0", b"MM\0*")):
        return _tiff(content)
    return content


def turn_of(photo: Image.Image) -> Image.Transpose | None:
    """Return how to turn a photo upright; ``None`` if it is upright, or its EXIF is damaged."""
    try:
        return TURNS.get(photo.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  Pillow raises what it comes across: SyntaxError, struct.error
        return None


def rgb_profile_of(photo: Image.Image) -> bytes | None:
    """Return the photo's colour profile if it fits an RGB thumbnail: it says which RGB that is."""
    profile = photo.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 128 <= len(profile) <= LONGEST_PROFILE:
        return None
    length, colours, signature = profile[:4], profile[16:20], profile[36:40]
    fits = (colours, signature) == (b"RGB ", b"acsp") and len(profile) == int.from_bytes(length)
    return profile if fits and photo.mode in ("RGB", "RGBA", "P") else None


def _jpeg(content: bytes) -> Iterator[bytes]:
    """Yield the segments up to the picture that Pillow needs, then everything else."""
    yield content[:2]
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] not in (b"\xda", b""):
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        end = at + 2
        if marker not in (0x01, *range(0xD0, 0xDA)):  # these have no length
            end += max(2, int.from_bytes(content[end : end + 2]))
        if _is_needed(marker, content[at + 4 : end]):
            yield content[at:end]
        at = end
    yield content[at:]


def _is_needed(marker: int, data: bytes) -> bool:
    if marker == 0xFE:  # a comment
        return False
    if not 0xE0 <= marker <= 0xEF:
        return True
    return (
        (marker == 0xE0 and data.startswith(b"JFIF\0") and len(data) >= 14)
        or (marker == 0xE1 and data.startswith((b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")))
        or (marker == 0xE2 and data.startswith(b"ICC_PROFILE\0") and len(data) > 14)
        or (marker == 0xEE and data.startswith(b"Adobe") and len(data) >= 12)  # is it CMYK?
    )


def _png(content: bytes) -> Iterator[bytes]:
    """Yield the chunks of the picture; of the others, those that Pillow needs and can read."""
    yield content[:8]
    at = 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : end - 4]
        is_whole = zlib.crc32(kind + data) == int.from_bytes(content[end - 4 : end])
        if not kind[0] & 0x20 or (is_whole and _is_readable(kind, data)):
            yield content[at:end]
        at = end
    yield content[at:]


def _is_readable(kind: bytes, data: bytes) -> bool:
    name, _, value = data.partition(b"\0")
    match kind:
        case b"tRNS" | b"eXIf":
            return True
        case b"iTXt":
            return name == b"XML:com.adobe.xmp" and value.startswith(b"\0")  # not compressed
        case b"tEXt":
            return name == b"Raw profile type exif"
        case b"zTXt":
            return name == b"Raw profile type exif" and _unpacks(value)
        case b"iCCP":
            return _unpacks(value)
    return False


def _unpacks(value: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(value[1:], LONGEST_UNPACKED)
    except zlib.error:
        return False
    return value.startswith(b"\0") and unpacker.eof


def _tiff(content: bytes) -> bytes:
    """Return a TIFF without the texts, resolutions and private tags of its first picture.

    Tags from 32768 on are private. One that points past the end of the file hides those behind it.
    """
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"
    start = int.from_bytes(content[4:8], order)
    end = start + 2 + 12 * int.from_bytes(content[start : start + 2], order)
    if not 8 <= start < end <= len(content) - 4:
        return content
    entries = [content[at : at + 12] for at in range(start + 2, end, 12)]
    kept = [entry for entry in entries if _describes_pixels(int.from_bytes(entry[:2], order))]
    directory = len(kept).to_bytes(2, order) + b"".join(kept) + content[end : end + 4]
    return content[:start] + directory.ljust(end + 4 - start, b"\0") + content[end + 4 :]


def _describes_pixels(tag: int) -> bool:
    texts_and_resolutions = {*range(269, 273), 282, 283, 285, 296, 305, 306, 315, 316, 700}
    return tag == 34675 or (tag < 32768 and tag not in texts_and_resolutions)  # 34675: ICC profile
