"""`make workflows`: draw the image that ComfyUI shows for each template.

Each shows the input beside the output of its template. Everything is drawn here with shapes and
filters, the same every time; no model generated any of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

import thumbnail_scenes as scenes
from thumbnail_scenes import INK, SIDE, Color, on

SAVED = Path(__file__).resolve().parent.parent / "example_workflows"
SHOWN = 512
"""Pixels per side."""

PAPER, BLUE, DARK = (250, 249, 246), (11, 140, 233), (32, 33, 37)
FOX_PROMPT = "A red fox in snow at dawn"
Picture = Image.Image
Box = tuple[int, int, int, int]


def main() -> int:
    """Write every thumbnail; return 0."""
    for name, draw in THUMBNAILS.items():
        small = draw().convert("RGB").resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
        small.save(SAVED / f"{name}.jpg", quality=86, optimize=True)
        print(f"{name}.jpg")
    return 0


def box(picture: Picture, place: Box, color: Color, radius: int = 36) -> None:
    """Draws a rounded box."""
    ImageDraw.Draw(picture).rounded_rectangle(place, radius, fill=color)


def write(
    picture: Picture, words: str, middle: tuple[float, float], size: int, color: Color = INK
) -> None:
    """Writes words around a place."""
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(middle, words, color, font, anchor="mm")


def badge(picture: Picture, words: str, middle: tuple[float, float]) -> None:
    """Writes a few words on a blue label."""
    x, y = round(middle[0]), round(middle[1])
    half = 34 + 15 * len(words)
    box(picture, (x - half, y - 46, x + half, y + 46), BLUE, 46)
    write(picture, words, (x, y), 54, PAPER)


def captioned(picture: Picture, prompt: str) -> Picture:
    """The image with its prompt below, as in a text box."""
    whole = picture.copy()
    box(whole, (48, SIDE - 178, SIDE - 48, SIDE - 48), PAPER)
    write(whole, prompt, (SIDE / 2, SIDE - 113), 56)
    return whole


def split(before: Picture, after: Picture) -> Picture:
    """The left of one image and the right of another, with a handle between them."""
    whole, middle = after.copy(), SIDE // 2
    whole.paste(before.crop((0, 0, middle, SIDE)), (0, 0))
    draw = ImageDraw.Draw(whole)
    draw.line((middle, 0, middle, SIDE), PAPER, 10)
    draw.ellipse((middle - 52, middle - 52, middle + 52, middle + 52), PAPER)
    for side in (-1, 1):
        tip, back = middle + side * 36, middle + side * 13
        draw.polygon([(tip, middle), (back, middle - 21), (back, middle + 21)], INK)
    return whole


def pixelated(picture: Picture, cells: int) -> Picture:
    """The image in visibly large pixels."""
    small = picture.resize((cells, cells), Image.Resampling.BOX)
    return small.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def closer(picture: Picture, left: float, top: float, width: float) -> Picture:
    """A part of the image, as large as the whole."""
    place = [round(v * SIDE / 100) for v in (left, top, left + width, top + width)]
    return picture.crop((place[0], place[1], place[2], place[3])).resize((SIDE, SIDE))


def checkers() -> Picture:
    """The checkerboard for transparency."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] // 64
    gray = np.where((rows + columns) % 2, 214, 246).astype(np.uint8)
    return Image.fromarray(gray).convert("RGBA")


def painted_over(picture: Picture) -> Picture:
    """The image with a part painted over, as in the mask editor."""
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    for x, y, radius in ((560, 190, 120), (650, 260, 190), (760, 230, 150), (680, 460, 170)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (20, 20, 24, 170))
    return Image.alpha_composite(picture, layer)


def grain(picture: Picture, strength: float) -> Picture:
    """The image with noise on it."""
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    noise = np.random.default_rng(1).normal(0, strength, (SIDE // 2, SIDE // 2))
    spots = noise.repeat(2, 0).repeat(2, 1)[..., None]
    return Image.fromarray(np.clip(pixels + spots, 0, 255).astype(np.uint8)).convert("RGBA")


def as_cartoon(picture: Picture) -> Picture:
    """Strong colors and black outlines."""
    color = ImageEnhance.Color(picture.convert("RGB")).enhance(1.5)
    edges = color.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.MaxFilter(5))
    lines = edges.point(lambda value: 255 if value > 26 else 0).filter(ImageFilter.GaussianBlur(1))
    border = Image.new("L", lines.size, 0)
    ImageDraw.Draw(border).rectangle((8, 8, SIDE - 8, SIDE - 8), 255)
    color.paste(INK, mask=Image.composite(lines, Image.new("L", lines.size), border))
    return color.convert("RGBA")


def as_watercolor(picture: Picture) -> Picture:
    """Pale colors that run, on paper."""
    soft = picture.convert("RGB").filter(ImageFilter.ModeFilter(17))
    soft = soft.filter(ImageFilter.GaussianBlur(2))
    pale = Image.blend(soft, Image.new("RGB", soft.size, (255, 252, 244)), 0.3)
    spots = np.random.default_rng(2).normal(0, 1, (14, 14)).astype(np.float32)
    pools = Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    edges = soft.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(3))
    shade = np.asarray(pools) * 6 - np.asarray(edges, np.float32) * 0.9
    pixels = np.asarray(pale, np.float32) + shade[..., None]
    return grain(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), 4)


def as_noir(picture: Picture) -> Picture:
    """Black and white, with hard light and dark corners."""
    gray = ImageOps.autocontrast(picture.convert("L"))
    gray = ImageEnhance.Contrast(gray).enhance(1.7)
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    fall = np.clip(1.25 - np.hypot(rows, columns) * 0.75, 0.15, 1)
    dark = (np.asarray(gray) * fall).astype(np.uint8)
    return grain(Image.fromarray(dark), 7)


def as_film(picture: Picture) -> Picture:
    """Warm, faded and grainy."""
    pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    faded = 0.14 + 0.76 * pixels**0.9 * np.array([1.06, 0.97, 0.8])
    return grain(Image.fromarray((np.clip(faded, 0, 1) * 255).astype(np.uint8)), 11)


def as_linocut(picture: Picture) -> Picture:
    """Deep blue on cream paper."""
    gray = ImageOps.autocontrast(picture.convert("L").filter(ImageFilter.MedianFilter(9)))
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    is_cut = np.sin((rows + np.sin(columns / 90) * 14) / 3.6) > 0
    tones = np.asarray(gray)
    ink = ((tones < 86) | ((tones < 158) & is_cut))[..., None]
    print_ = np.where(ink, (24, 52, 104), (246, 236, 212)).astype(np.uint8)
    return Image.fromarray(print_).filter(ImageFilter.GaussianBlur(1.5)).convert("RGBA")


STYLES: dict[str, Callable[[Picture], Picture]] = {
    "Anime": as_cartoon,
    "Watercolor": as_watercolor,
    "Film Noir": as_noir,
    "Analog Film": as_film,
}


def sheet() -> Picture:
    """Four styles of one image, each with its name."""
    whole, cell = Image.new("RGBA", (SIDE, SIDE), PAPER), 462
    for i, (name, style) in enumerate(STYLES.items()):
        x, y = 34 + i % 2 * 494, 28 + i // 2 * 500
        whole.paste(ImageOps.fit(style(scenes.train()), (cell, 410)), (x, y))
        write(whole, name, (x + cell / 2, y + 445), 50)
    return whole


def grid() -> Picture:
    """Three styles of two images, with headings on top and at the left."""
    whole, cell = Image.new("RGBA", (SIDE, SIDE), PAPER), 286
    rows = {
        "model A": scenes.train(),
        "model B": ImageOps.mirror(closer(scenes.train(), 12, 18, 70)),
    }
    for column, name in enumerate(("Anime", "Watercolor", "Film Noir")):
        write(whole, name, (110 + cell / 2 + column * 302, 94), 48)
        for row, picture in enumerate(rows.values()):
            cut = ImageOps.fit(STYLES[name](picture), (cell, 410), centering=(0.36, 0.5))
            whole.paste(cut, (110 + column * 302, 144 + row * 428))
    for row, name in enumerate(rows):
        label = Image.new("RGBA", (410, 90), PAPER)
        write(label, name, (205, 45), 48)
        whole.paste(label.rotate(90, expand=True), (10, 144 + row * 428))
    return whole


def referenced() -> Picture:
    """An image in the look of another, shown small."""
    whole = as_linocut(scenes.lighthouse())
    look = as_linocut(on(scenes.snow(), scenes.fox())).resize((370, 370))
    box(whole, (30, 30, 430, 430), PAPER)
    whole.paste(look, (45, 45))
    badge(whole, "look", (230, 430))
    return whole


def app(picture: Picture, prompt: str) -> Picture:
    """The image beside the panel of an app."""
    whole = Image.new("RGBA", (SIDE, SIDE), DARK)
    whole.paste(ImageOps.fit(picture, (660, 904)), (24, 60))
    box(whole, (714, 60, 1000, 964), (52, 54, 60))
    box(whole, (738, 96, 976, 340), (28, 29, 33), 22)
    for i, line in enumerate(prompt.split("|")):
        write(whole, line, (857, 144 + i * 52), 40, PAPER)
    for i in range(3):
        box(whole, (738, 380 + i * 110, 976, 452 + i * 110), (28, 29, 33), 22)
        box(whole, (758, 406 + i * 110, 860 + i * 26, 426 + i * 110), (120, 124, 134), 10)
    box(whole, (738, 850, 976, 930), BLUE, 24)
    write(whole, "Run", (857, 890), 48, PAPER)
    return whole


def fox() -> Picture:
    """The image of the first template."""
    return on(scenes.snow(), scenes.fox())


def enlarged(picture: Picture) -> Picture:
    """Few pixels at the left, many at the right."""
    return split(pixelated(picture, 44), picture)


def lighthouse_upscaled() -> Picture:
    """An image with its prompt, small and then large."""
    whole = captioned(enlarged(closer(scenes.lighthouse(), 26, 8, 74)), "A lighthouse at dusk")
    badge(whole, "2x", (SIDE - 130, 100))
    return whole


def cat_upscaled() -> Picture:
    """A close image of a cat, small and then large."""
    whole = enlarged(closer(on(scenes.studio(), scenes.cat()), 22, 14, 56))
    badge(whole, "4x", (SIDE - 130, 100))
    return whole


def balloon() -> Picture:
    """A lake with a part painted over, and with a balloon there."""
    lake = scenes.lake()
    after = on(lake, scenes.balloon())
    small = painted_over(lake).resize((430, 430))
    whole = after.copy()
    box(whole, (24, SIDE - 484, 484, SIDE - 24), PAPER)
    whole.paste(small, (39, SIDE - 469))
    return whole


def evening() -> Picture:
    """The lake by day and in the evening."""
    lake = scenes.lake().convert("RGB")
    light = np.asarray(lake, np.float32) * np.array([1.02, 0.68, 0.52]) + np.array([38, 10, 26])
    return split(
        lake.convert("RGBA"),
        Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).convert("RGBA"),
    )


def expanded() -> Picture:
    """A lake, with a frame around the part that was there before."""
    whole = scenes.lake()
    pale = Image.blend(whole, Image.new("RGBA", whole.size, PAPER), 0.45)
    place = (292, 172, SIDE - 292, SIDE - 172)
    pale.paste(whole.crop(place), place)
    draw = ImageDraw.Draw(pale)
    draw.rectangle(place, outline=PAPER, width=12)
    for side in (-1, 1):
        tip, back = SIDE / 2 + side * 450, SIDE / 2 + side * 330
        draw.line((SIDE / 2 + side * 260, SIDE / 2, back, SIDE / 2), BLUE, 34)
        draw.polygon([(tip, SIDE / 2), (back, SIDE / 2 - 84), (back, SIDE / 2 + 84)], BLUE)
    return pale


def erased() -> Picture:
    """A lake with a balloon painted over, and without it."""
    lake = scenes.lake()
    small = painted_over(on(lake, scenes.balloon())).resize((430, 430))
    whole = lake.copy()
    box(whole, (24, SIDE - 484, 484, SIDE - 24), PAPER)
    whole.paste(small, (39, SIDE - 469))
    return whole


def described() -> Picture:
    """An image, its description, and another image like it."""
    whole = Image.new("RGBA", (SIDE, SIDE), PAPER)
    first = on(scenes.lake(), scenes.balloon())
    whole.paste(ImageOps.fit(first, (460, 560)), (34, 30))
    whole.paste(ImageOps.fit(ImageOps.mirror(as_watercolor(first)), (460, 560)), (530, 30))
    for i, line in enumerate(("“A red hot-air balloon over", "a mountain lake, clear day …”")):
        write(whole, line, (SIDE / 2, 720 + i * 86), 58)
    badge(whole, "describe", (SIDE / 2, 920))
    return whole


def three_prompts() -> Picture:
    """An idea above three images."""
    whole = Image.new("RGBA", (SIDE, SIDE), PAPER)
    box(whole, (60, 70, SIDE - 60, 250), DARK)
    write(whole, "A lighthouse", (SIDE / 2, 160), 84, PAPER)
    house = scenes.lighthouse()
    for i, style in enumerate((as_film, as_linocut, as_watercolor)):
        whole.paste(
            ImageOps.fit(style(house), (300, 560), centering=(0.62, 0.5)), (34 + i * 328, 380)
        )
        draw = ImageDraw.Draw(whole)
        x = 184 + i * 328
        draw.line((SIDE / 2, 262, x, 350), BLUE, 12)
    return whole


THUMBNAILS: dict[str, Callable[[], Picture]] = {
    "Venice text to image": lambda: captioned(fox(), FOX_PROMPT),
    "Venice text to image and upscale": lighthouse_upscaled,
    "Venice upscale my image": cat_upscaled,
    "Venice edit my image": balloon,
    "Venice expand an image (outpaint)": expanded,
    "Venice erase an object (inpaint)": erased,
    "Venice replace background": lambda: split(
        on(scenes.studio(), scenes.cat()), on(scenes.lake(), scenes.cat())
    ),
    "Venice cut out": lambda: split(
        on(scenes.studio(), scenes.cat()), on(checkers(), scenes.cat())
    ),
    "Venice cut out on a new background": lambda: split(
        on(scenes.studio(), scenes.cat()), on(scenes.library(), scenes.cat())
    ),
    "Venice compare styles": sheet,
    "Venice compare styles and models": grid,
    "Venice logo with transparent background": lambda: on(checkers(), scenes.logo()),
    "Venice style references": referenced,
    "Venice describe an image and generate a variation": described,
    "Venice three prompts from one idea": three_prompts,
    "Venice text to image.app": lambda: app(fox(), "A red fox|in snow|at dawn"),
    "Venice edit my image.app": lambda: app(evening(), "Make it|evening"),
}


if __name__ == "__main__":
    sys.exit(main())
