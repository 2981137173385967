"""One photo at a time, and the row that it gets in the completion report."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import ExifTags, Image
from s3batch_handler.testing import make_context, run_job

from app import Thumbnail, handler

if TYPE_CHECKING:
    from conftest import Refuse
    from mypy_boto3_s3 import S3Client

EVENTS = sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))


def photo(width: int, height: int, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("GIF", "P")])
def test_a_photo_gets_a_thumbnail(s3: S3Client, schema: str, kind: str, mode: str) -> None:
    s3.put_object(Bucket="source", Key="2024/a b", Body=photo(1000, 500, kind, mode))

    (row,) = run_job(handler, ["2024/a b"], bucket="source", schema_version=schema)

    assert row.error_code is None, row.message
    answer = s3.get_object(Bucket="target", Key="2024/a b")
    content = answer["Body"].read()
    assert answer["ContentType"] == "image/jpeg"
    assert Image.open(io.BytesIO(content)).size == (256, 128)
    assert Thumbnail.model_validate_json(row.message) == Thumbnail(
        width=256, height=128, bytes=len(content)
    )


def test_a_photo_is_turned_as_the_camera_was_held(s3: S3Client) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter to the right
    content = io.BytesIO()
    Image.new("RGB", (1000, 500)).save(content, "JPEG", exif=exif)
    s3.put_object(Bucket="source", Key="a.jpg", Body=content.getvalue())

    (row,) = run_job(handler, ["a.jpg"], bucket="source")

    thumbnail = Thumbnail.model_validate_json(row.message)
    assert (thumbnail.width, thumbnail.height) == (128, 256)


@pytest.mark.parametrize(
    ("kind", "mode", "colour"), [("PNG", "RGBA", (0, 0, 0, 0)), ("PNG", "LA", 0), ("GIF", "P", 0)]
)
def test_what_is_transparent_becomes_white(
    s3: S3Client, kind: str, mode: str, colour: int | tuple[int, ...]
) -> None:
    content = io.BytesIO()
    options = {"transparency": 0} if kind == "GIF" else {}
    Image.new(mode, (1000, 500), colour).save(content, kind, **options)
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


def test_the_job_says_how_large(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.jpg", Body=photo(1000, 500))

    (row,) = run_job(handler, ["a.jpg"], bucket="source", user_arguments={"size": "64"})
    (wrong,) = run_job(handler, ["a.jpg"], bucket="source", user_arguments={"size": "wide"})

    assert Thumbnail.model_validate_json(row.message).width == 64
    assert wrong.error_code == "PermanentFailure"
    assert "size" in wrong.message


def test_what_does_not_get_better_is_given_up(s3: S3Client) -> None:
    s3.put_object(Bucket="source", Key="a.txt", Body=b"text")
    s3.put_object(Bucket="source", Key="a.eps", Body=photo(10, 10, "EPS"))
    s3.put_object(Bucket="source", Key="cut.jpg", Body=photo(1000, 500)[:-500])
    s3.put_object(Bucket="source", Key="bomb.gif", Body=photo(20_000, 6_000, "GIF", "1"))
    s3.put_object(Bucket="source", Key="x-ray.tif", Body=photo(10, 10, "TIFF", "I;16"))
    keys = ["a.txt", "a.eps", "cut.jpg", "bomb.gif", "x-ray.tif", "missing.jpg"]

    rows = run_job(handler, keys, bucket="source")

    assert {row.error_code for row in rows} == {"PermanentFailure"}
    assert [row.message.partition(" ")[0] for row in rows] == [
        "none",
        "none",
        "OSError:",
        "DecompressionBombError:",
        "not",
        "NoSuchKey",
    ]


def test_a_busy_s3_is_asked_again(refuse: Refuse) -> None:
    refuse("SlowDown", 503)

    (row,) = run_job(handler, ["a.jpg"], bucket="source")

    assert row.error_code == "TemporaryFailure"  # after three redrives


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_example_events(s3: S3Client, path: Path) -> None:
    s3.put_object(Bucket="source", Key="2024/a b.jpg", Body=photo(1000, 500))

    answer = handler(json.loads(path.read_text()), make_context())

    assert [result["resultCode"] for result in answer["results"]] == ["Succeeded"]
