"""Pictures of a page, made as small as its budget demands; the report's folder keeps the originals."""

import base64
import io

from PIL import Image

WIDEST = 800  # pixels of an image grid on the page
QUALITIES = (88, 75, 60, 45)  # of JPEG, tried in this order
SMALLEST = 64  # pixels of the longer side, below which a picture is not reduced


def fitted(png: bytes, most: int, widest: int = WIDEST) -> str:
    """Return a valid PNG as a data URI of about `most` bytes: unchanged if it fits, else as JPEG, reduced if need be.

    Args:
        png: content of the file.
        most: bytes.
        widest: greatest width, in pixels.
    """
    with Image.open(io.BytesIO(png), formats=("PNG",)) as source:
        if len(png) <= most and source.width <= widest:
            return uri(png, "image/png")
        image = source.convert("L" if source.mode in ("1", "L") else "RGB")
    image.thumbnail((widest, 10 * widest))
    while True:
        sizes = (_jpeg(image, quality) for quality in QUALITIES)
        content = next((content for content in sizes if len(content) <= most), None)
        if content or max(image.size) <= SMALLEST:
            return uri(content or _jpeg(image, QUALITIES[-1]), "image/jpeg")
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def quarter(png: bytes) -> bytes:
    """Return the upper left quarter of an image grid, as PNG."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        width, height = image.size
        buffer = io.BytesIO()
        image.crop((0, 0, width // 2 + 1, height // 2 + 1)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def uri(content: bytes, media_type: str) -> str:
    """Return a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
