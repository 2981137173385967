"""Tests of the function: the row of each photo in the completion report."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import ExifTags, Image, ImageCms
from s3batch_handler.testing import assert_succeeded, make_context, run_job

from app import Thumbnail, handler

if TYPE_CHECKING:
    from conftest import Refuse
    from mypy_boto3_s3 import S3Client
    from s3batch_handler.testing import EventFactory, JobRunner

pillow_may_warn = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))


def photo(
    width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: object
) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, kind, **options)
    return content.getvalue()


def thumbnail_of(s3: S3Client, content: bytes) -> Image.Image:
    s3.put_object(Bucket="source", Key="a", Body=content)
    (row,) = run_job(handler, ["a"], bucket="source")
    assert row.error_code is None, row.message
    return Image.open(io.BytesIO(s3.get_object(Bucket="target", Key="a")["Body"].read()))


def png_with(kind: bytes, data: bytes, *, damaged: bool = False) -> bytes:
    """Return a PNG with another chunk after its first one."""
    checksum = zlib.crc32(kind + data) ^ damaged
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
    png = photo(1000, 500, "PNG")
    return png[:33] + chunk + png[33:]


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """Return a JPEG with more segments at its beginning."""
    jpeg = photo(1000, 500)
    added = [struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in segments]
    return jpeg[:2] + b"".join(added) + jpeg[2:]


def exif_of(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return EXIF with any tags, types, counts and values."""
    tags = [struct.pack("<HHL", *entry[:3]) + entry[3] for entry in entries]
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(tags) + b"\0" * 4


def tiff_with(
    *tags: tuple[int, int, int, int], mode: str = "RGB", big: bool = False, **options: object
) -> bytes:
    """Return a TIFF with more tags, in a directory of its own at the end of the file."""
    tiff = photo(1000, 500, "TIFF", mode, big_tiff=big, **options)
    head, number, entry = ("Q", "<Q", "<HHQQ") if big else ("L", "<H", "<HHLL")
    at = 8 if big else 4
    (start,) = struct.unpack_from("<" + head, tiff, at)
    (length,) = struct.unpack_from(number, tiff, start)
    first, size = start + struct.calcsize(number), struct.calcsize(entry)
    old = [struct.unpack_from(entry, tiff, first + size * index) for index in range(length)]
    new = {fields[0]: fields for fields in (*old, *tags)}
    directory = struct.pack(number, len(new))
    directory += b"".join(struct.pack(entry, *new[tag]) for tag in sorted(new)) + b"\0" * 8
    rest = tiff[at + struct.calcsize("<" + head) :]
    return tiff[:at] + struct.pack("<" + head, len(tiff)) + rest + directory


def gif_with(extension: bytes) -> bytes:
    """Return a GIF with another extension after its color table."""
    gif = photo(1000, 500, "GIF", "P")
    at = 13 + (3 * 2 ** (gif[10] % 8 + 1) if gif[10] & 0x80 else 0)
    return gif[:at] + extension + gif[at:]


def webp_with(name: bytes, length: bytes, **metadata: Any) -> bytes:
    """Return a WebP whose chunk has a wrong length."""
    webp = photo(1000, 500, "WEBP", **metadata)
    at = webp.index(name, 12) + 4
    return webp[:at] + length + webp[at + 4 :]


FAR = 2**31 - 1  # past the end of every file here
NEEDLESS = (254, 255, *range(263, 267), 270, 274, 280, 297, 301, 318, 34675)  # tags of a TIFF


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("GIF", "P")])
@pytest.mark.s3batch_schemas
def test_a_photo_gets_a_thumbnail(
    s3: S3Client, s3batch_job: JobRunner, kind: str, mode: str
) -> None:
    s3.put_object(Bucket="source", Key="2024/a b", Body=photo(1000, 500, kind, mode))

    (row,) = s3batch_job(handler, ["2024/a b"], bucket="source")

    assert row.error_code is None, row.message
    response = s3.get_object(Bucket="target", Key="2024/a b")
    content = response["Body"].read()
    assert response["ContentType"] == "image/jpeg"
    assert Image.open(io.BytesIO(content)).size == (256, 128)
    assert Thumbnail.model_validate_json(row.message) == Thumbnail(
        width=256, height=128, bytes=len(content)
    )


def test_a_photo_is_turned_upright(s3: S3Client) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter to the right
    content = io.BytesIO()
    Image.new("RGB", (1000, 500)).save(content, "JPEG", exif=exif)
    s3.put_object(Bucket="source", Key="a.jpg", Body=content.getvalue())

    (row,) = run_job(handler, ["a.jpg"], bucket="source")

    thumbnail = Thumbnail.model_validate_json(row.message)
    assert (thumbnail.width, thumbnail.height) == (128, 256)


@pytest.mark.parametrize("tag", [(0x0100, 2, 4, b"abc\0"), (0x0128, 9, 1, b"\xfb\xff\xff\xff")])
def test_damaged_tags_do_not_prevent_the_rotation(
    s3: S3Client, tag: tuple[int, int, int, bytes]
) -> None:
    """Some programs write a width that is text, or a negative unit."""
    orientation = (ExifTags.Base.Orientation, 3, 1, b"\x06\0\0\0")

    thumbnail = thumbnail_of(s3, jpeg_with((0xE1, exif_of(tag, orientation))))

    assert thumbnail.size == (128, 256)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg_with((0xE1, b"Exif\0\0garbage, not TIFF")), id="EXIF"),
        pytest.param(jpeg_with((0xE1, b"Exif\0\0II+\0\x08\0\0\0\0\0")), id="header of EXIF"),
        pytest.param(jpeg_with((0xE0, b"JFIF\0")), id="JFIF"),
        pytest.param(jpeg_with((0xE2, b"ICC_PROFILE\0")), id="empty profile"),
        pytest.param(jpeg_with(*[(0xFE, b"c" * 65_000)] * 20), id="20 long comments"),
        pytest.param(photo(1000, 500, "PNG", exif=b"Exif\0\0garbage"), id="EXIF of a PNG"),
        pytest.param(png_with(b"prVt", b"private", damaged=True), id="private chunk"),
        pytest.param(png_with(b"eXIf", b"garbage", damaged=True), id="damaged EXIF of a PNG"),
        pytest.param(
            png_with(b"zTXt", b"Comment\0\0" + zlib.compress(b"c" * 2_000_000)), id="long zTXt"
        ),
        pytest.param(
            png_with(b"iCCP", b"huge\0\0" + zlib.compress(b"c" * 2_000_000)), id="long profile"
        ),
        pytest.param(
            png_with(b"zTXt", b"Raw profile type exif\0\0garbage"), id="EXIF of ImageMagick"
        ),
        pytest.param(photo(1000, 500, "GIF", "P", comment=b"c" * 70_000), id="comment of a GIF"),
        pytest.param(photo(1000, 500, "WEBP", exif=b"Exif\0\0garbage"), id="EXIF of a WebP"),
        pytest.param(tiff_with((700, 4, 1, 5)), id="XMP that is a number"),
        pytest.param(tiff_with((0x9999, 7, 2**31 - 1, 8)), id="private tag"),
        pytest.param(gif_with(b"!\xff\x0bNETSCAPE2.0\0"), id="NETSCAPE without data"),
        pytest.param(gif_with(b"!\xff\0"), id="empty extension of a GIF"),
        *(
            pytest.param(webp_with(name, length, **{field: b"metadata"}), id=f"{field} of a WebP")
            for name, field in ((b"EXIF", "exif"), (b"XMP ", "xmp"), (b"ICCP", "icc_profile"))
            for length in (b"\1\0\0\0", b"\xff\xff\0\0")
        ),
        pytest.param(
            jpeg_with((0xE1, b"Exif\0\0II*\0")).replace(b"\0\x0cExif", b"\0\x0eExif"),
            id="wrong length in a JPEG",
        ),
        pytest.param(
            png_with(b"tEXt", b"Comment\0c").replace(b"\x09tEXt", b"\x77tEXt"),
            id="wrong length in a PNG",
        ),
        *(
            pytest.param(
                tiff_with(*((tag, 2, 100, FAR) for tag in NEEDLESS), mode=mode, big=big),
                id=f"tags of a {mode} {'BigTIFF' if big else 'TIFF'}",
            )
            for mode in ("RGB", "P")
            for big in (False, True)
        ),
    ],
)
@pillow_may_warn
def test_damaged_metadata_is_ignored(s3: S3Client, content: bytes) -> None:
    """Damaged EXIF, long comments and private data do not fail a photo, and are not copied."""
    thumbnail = thumbnail_of(s3, content)

    assert thumbnail.size == (256, 128)
    assert set(thumbnail.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def damaged_with(kind: str, **metadata: Any) -> bytes:
    """Return a photo that Pillow does not open, with valid metadata."""
    if kind == "TIFF":
        return tiff_with((270, 2, 100, FAR), **metadata)
    content = photo(1000, 500, kind, **metadata)
    if kind == "PNG":
        return content[:33] + b"\0\0\0\1prVt?\0\0\0\0" + content[33:]
    return content[:2] + b"\xff\xe0\0\7JFIF\0" + content[2:]


@pillow_may_warn
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_damaged_photo_keeps_valid_metadata(s3: S3Client, kind: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = damaged_with(kind, icc_profile=profile, exif=exif)
    with pytest.raises(Exception, match=r"."), Image.open(io.BytesIO(content)) as opened:
        opened.load()

    thumbnail = thumbnail_of(s3, content)

    assert thumbnail.size == (128, 256)
    assert thumbnail.info["icc_profile"] == profile


def test_a_thumbnail_has_the_colors_of_its_photo(s3: S3Client) -> None:
    """Only an RGB profile is copied: with a CMYK profile, the colors would be wrong."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    of_cmyk = profile[:16] + b"CMYK" + profile[20:]

    rgb = thumbnail_of(s3, photo(1000, 500, icc_profile=profile))
    cmyk = thumbnail_of(s3, photo(1000, 500, mode="CMYK", icc_profile=of_cmyk))
    damaged = thumbnail_of(s3, photo(1000, 500, icc_profile=profile[:-1]))

    assert rgb.info["icc_profile"] == profile
    assert "icc_profile" not in cmyk.info | damaged.info


@pytest.mark.parametrize(
    ("kind", "mode", "color"), [("PNG", "RGBA", (0, 0, 0, 0)), ("PNG", "LA", 0), ("GIF", "P", 0)]
)
def test_transparent_areas_become_white(
    s3: S3Client, kind: str, mode: str, color: int | tuple[int, ...]
) -> None:
    content = io.BytesIO()
    options = {"transparency": 0} if kind == "GIF" else {}
    Image.new(mode, (1000, 500), color).save(content, kind, **options)
    s3.put_object(Bucket="source", Key="a.png", Body=content.getvalue())

    run_job(handler, ["a.png"], bucket="source")

    thumbnail = s3.get_object(Bucket="target", Key="a.png")["Body"].read()
    assert Image.open(io.BytesIO(thumbnail)).getpixel((128, 64)) == (255, 255, 255)


def test_a_photo_is_never_overwritten(s3: S3Client) -> None:
    """A thumbnail has the key of its photo, so it must not go into the same bucket."""
    s3.put_object(Bucket="target", Key="a.jpg", Body=photo(1000, 500))

    (row,) = run_job(handler, ["a.jpg"], bucket="target")

    assert row.error_code == "PermanentFailure"
    assert s3.get_object(Bucket="target", Key="a.jpg")["Body"].read() == photo(1000, 500)


def test_user_arguments_choose_the_size(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.jpg", Body=photo(1000, 500))

    (row,) = run_job(handler, ["a.jpg"], bucket="source", user_arguments={"size": "64"})
    (wrong,) = run_job(handler, ["a.jpg"], bucket="source", user_arguments={"size": "wide"})

    assert Thumbnail.model_validate_json(row.message).width == 64
    assert wrong.error_code == "PermanentFailure"
    assert "size" in wrong.message


def test_permanent_failures_are_not_retried(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=b"text")
    s3.put_object(Bucket="source", Key="a.eps", Body=photo(10, 10, "EPS"))
    s3.put_object(Bucket="source", Key="cut.jpg", Body=photo(1000, 500)[:-500])
    s3.put_object(Bucket="source", Key="bomb.gif", Body=photo(20_000, 6_000, "GIF", "1"))
    s3.put_object(Bucket="source", Key="x-ray.tif", Body=photo(10, 10, "TIFF", "I;16"))
    keys = ["a.txt", "a.eps", "cut.jpg", "bomb.gif", "x-ray.tif", "missing.jpg"]

    rows = run_job(handler, keys, bucket="source")

    assert {row.error_code for row in rows} == {"PermanentFailure"}
    assert [row.message.partition(" ")[0] for row in rows] == [
        "not",
        "not",
        "OSError:",
        "DecompressionBombError:",
        "not",
        "NoSuchKey",
    ]


def test_a_throttled_request_is_retried(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.jpg"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events_succeed(s3: S3Client, s3batch_event: EventFactory, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.jpg", Body=photo(1000, 500))

    response = handler(s3batch_event.load(path), make_context())

    assert_succeeded(response)
