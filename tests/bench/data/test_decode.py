"""One image -> uint8 [channels, side, side]."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import center_crop

from bench.data.decode import Files, Pixels, UnusableImage, crop_and_resize
from bench.experiment.settings import Preprocessing


def picture(width, height, mode="RGB", seed=0):
    random = np.random.RandomState(seed)
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(random.randint(0, 256, shape).astype(np.uint8))


def asked(image_size, crop=None, channels=3):
    return Preprocessing(image_size=image_size, crop=crop, channels=channels)


def test_images_of_the_right_size_keep_every_pixel():
    image = picture(8, 8)
    np.testing.assert_array_equal(crop_and_resize(image, asked(8)), np.asarray(image).transpose(2, 0, 1))
    grey = picture(8, 8, "L")
    np.testing.assert_array_equal(crop_and_resize(grey, asked(8, channels=1)), np.asarray(grey)[None])


@pytest.mark.parametrize(("width", "height", "crop"), [(178, 218, 140), (9, 9, 4), (20, 11, 11)])
def test_the_crop_is_torchvisions_centre_crop(width, height, crop):
    image = picture(width, height)
    pixels = torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())
    expected = center_crop(pixels, [crop, crop])
    found = crop_and_resize(image, asked(crop, crop))
    if (width - crop) % 2 == 0 and (height - crop) % 2 == 0:
        np.testing.assert_array_equal(found, expected)
    else:  # torchvision rounds half a pixel to the even side
        left, top = (width - crop) // 2, (height - crop) // 2
        np.testing.assert_array_equal(found, pixels[:, top : top + crop, left : left + crop])


def test_celebas_crop_and_size_are_those_of_the_wae_paper():
    """140x140 out of the centre of 178x218, then 64x64: as Pillow's own crop and resize do it."""
    image = picture(178, 218)
    expected = image.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(crop_and_resize(image, asked(64, 140)), np.asarray(expected).transpose(2, 0, 1))


def test_without_a_crop_the_largest_square_is_taken():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 200
    assert (crop_and_resize(Image.fromarray(wide), asked(4)) == 200).all()


def test_colour_becomes_grey_where_that_is_asked():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert (crop_and_resize(red, asked(4, channels=1)) == 76).all()  # 0.299 of 255, ITU-R 601


def test_grey_becomes_colour_with_three_equal_channels():
    grey = picture(8, 8, "L")
    np.testing.assert_array_equal(crop_and_resize(grey, asked(8)), np.stack([np.asarray(grey)] * 3))


def test_transparent_pixels_show_white_and_half_transparent_ones_half_of_it():
    pixels = np.random.RandomState(0).randint(0, 256, (8, 8, 4)).astype(np.uint8)
    pixels[..., 3] = np.arange(64).reshape(8, 8) * 255 // 63
    found = crop_and_resize(Image.fromarray(pixels), asked(8)).astype(float)
    alpha = pixels[..., 3:] / 255.0
    expected = (pixels[..., :3] * alpha + 255 * (1 - alpha)).transpose(2, 0, 1)
    assert np.abs(found - expected).max() <= 1
    assert (found[:, 0, 0] == 255).all()
    grey = crop_and_resize(Image.fromarray(pixels), asked(8, channels=1))
    assert grey[0, 0, 0] == 255


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_one_colour_that_stands_for_transparent_is_white(tmp_path, mode):
    image = Image.new("RGB", (4, 4), (51, 51, 51))  # both colours are in the palette
    image.putpixel((0, 0), (204, 204, 204))
    image = image.convert(mode)
    clear = image.getpixel((0, 0))
    image.save(tmp_path / "a.png", transparency=clear)
    pixels = Files([tmp_path / "a.png"]).decode(0, asked(4))
    assert (pixels[:, 0, 0] == 255).all()
    assert (pixels[:, 1:, 1:] == 51).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_image_keeps_every_pixel(mode):
    plain = picture(8, 8, "RGB" if mode == "RGBA" else "L")
    for channels in (1, 3):
        wanted = asked(8, channels=channels)
        np.testing.assert_array_equal(
            crop_and_resize(plain.convert(mode), wanted), crop_and_resize(plain.convert("RGB"), wanted)
        )


def test_the_orientation_that_a_camera_noted_is_obeyed(tmp_path):
    image = Image.new("RGB", (4, 4))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    image.save(tmp_path / "turned.png", exif=exif)
    pixels = Files([tmp_path / "turned.png"]).decode(0, asked(4))
    assert pixels[0, 3, 3] == 255
    assert pixels.sum() == 3 * 255


@pytest.mark.parametrize(
    ("image", "wanted", "message"),
    [
        (picture(40, 30), asked(32), "it is 40x30, smaller than --image-size 32"),
        (picture(40, 30), asked(16, 36), "it is 40x30, smaller than --crop 36"),
        (Image.fromarray(np.zeros((8, 8), np.uint16)), asked(8, channels=1), "more than 8 bits"),
        (Image.fromarray(np.zeros((8, 8), np.float32)), asked(8, channels=1), "more than 8 bits"),
    ],
)
def test_what_cannot_be_used_says_why(image, wanted, message):
    with pytest.raises(UnusableImage, match=message):
        crop_and_resize(image, wanted)


def test_every_kind_of_damage_names_the_file(tmp_path):
    whole = tmp_path / "whole.png"
    picture(64, 64).save(whole)
    jpeg = tmp_path / "whole.jpg"
    picture(64, 64).save(jpeg)
    damaged = {
        "text.png": b"not an image",
        "empty.png": b"",
        "cut.png": whole.read_bytes()[:3000],
        "cut.jpg": jpeg.read_bytes()[:500],
        "head.png": whole.read_bytes()[:20],
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnusableImage, match=f"{name}: it is (damaged|not an image).*replace it"):
            Files([tmp_path / name]).decode(0, asked(8))
    with pytest.raises(UnusableImage, match=r"gone\.png: it is damaged \(No such file"):
        Files([tmp_path / "gone.png"]).decode(0, asked(8))


def test_images_in_memory_are_decoded_like_files(tmp_path):
    images = np.stack([np.asarray(picture(12, 12, seed=i)) for i in range(3)])
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    for row in range(3):
        for side in (8, 12):
            np.testing.assert_array_equal(
                Files(paths).decode(row, asked(side)), Pixels(images).decode(row, asked(side))
            )
        np.testing.assert_array_equal(Files(paths).decode(row, asked(8)), Pixels(images).decode(row, asked(8)))
