"""Make a thumbnail of each photo, in another bucket, under the same key."""

import io
import os

import boto3
from aws_lambda_powertools import Logger, Metrics
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import BaseModel, Field
from s3batch_handler import PermanentFailure, Task, task_handler

TARGET_BUCKET = os.environ["TARGET_BUCKET"]
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF")  # Pillow has many more: each is one to attack
MOST_BYTES = 100 * 1024**2
Image.MAX_IMAGE_PIXELS = 50_000_000  # Pillow refuses images of twice that: 400 MB, up to thrice

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
        opened = Image.open(io.BytesIO(answer["Body"].read()), formats=FORMATS)
    except UnidentifiedImageError:  # its text is another one each time: an address in memory
        raise PermanentFailure(f"none of {', '.join(FORMATS)}") from None
    with opened as photo:
        if photo.mode[0] in "IF":  # what is above 255 would become white
            raise PermanentFailure(f"not a photo: pixels are {photo.mode}")
        photo.draft("RGB", (wanted.size * 2, wanted.size * 2))  # of a JPEG, read no more than that
        thumbnail = photo.convert("RGBA" if photo.has_transparency_data else "RGB")
    thumbnail.thumbnail((wanted.size, wanted.size))
    ImageOps.exif_transpose(thumbnail, in_place=True)  # as the camera was held
    if thumbnail.mode == "RGBA":  # JPEG has no transparency: on white, then
        white = Image.new("RGBA", thumbnail.size, "white")
        thumbnail = Image.alpha_composite(white, thumbnail).convert("RGB")
    content = io.BytesIO()
    thumbnail.save(content, "JPEG", quality=wanted.quality, optimize=True)
    s3.put_object(
        Bucket=TARGET_BUCKET,
        Key=task.key,
        Body=content.getvalue(),
        ContentType="image/jpeg",
    )
    return Thumbnail(width=thumbnail.width, height=thumbnail.height, bytes=content.tell())
