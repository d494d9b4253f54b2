"""Scenes for the thumbnails, drawn from shapes, not by a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 1024
"""Pixels of a scene; its coordinates go from 0 to 100 in both directions."""

Point = tuple[float, float]
Color = tuple[int, ...]

INK, WHITE, SNOW = (38, 34, 44), (255, 255, 255), (238, 243, 250)
RUST, CREAM, GINGER = (217, 98, 38), (255, 240, 220), (226, 140, 58)


class Painter:
    """Paints on a square, transparent at first."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (SIDE, SIDE))

    def sky(self, *colors: Color) -> None:
        """Fills the square with a vertical gradient."""
        places = np.linspace(0, len(colors) - 1, SIDE)
        rows = [np.interp(places, range(len(colors)), band) for band in zip(*colors, strict=True)]
        pixels = np.repeat(np.stack(rows, axis=-1)[:, None], SIDE, axis=1)
        self.image = Image.fromarray(pixels.round().astype(np.uint8)).convert("RGBA")

    def shape(self, points: Iterable[Point], color: Color) -> None:
        """Fills a polygon; a fourth number of the color is its opacity."""
        layer = Image.new("RGBA", self.image.size, (*color[:3], 0))
        ImageDraw.Draw(layer).polygon([(x * SIDE / 100, y * SIDE / 100) for x, y in points], color)
        self.image.alpha_composite(layer)

    def curve(self, points: Sequence[Point], color: Color) -> None:
        """Fills a smooth shape through the points."""
        self.shape(_smooth(points), color)

    def oval(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        """Fills an ellipse around (x, y)."""
        turns = np.linspace(0, 2 * math.pi, 90)
        self.shape([(x + rx * math.cos(t), y + ry * math.sin(t)) for t in turns], color)

    def line(self, start: Point, end: Point, width: float, color: Color) -> None:
        """Draws a straight line with square ends."""
        length = math.dist(start, end) or 1
        dx, dy = (end[1] - start[1]) / length, (start[0] - end[0]) / length
        sides = [
            (p[0] + s * dx * width / 2, p[1] + s * dy * width / 2)
            for p, s in ((start, 1), (end, 1), (end, -1), (start, -1))
        ]
        self.shape(sides, color)

    def clear(self, arch: Sequence[Point], foot: float) -> None:
        """Cuts an opening under an arch, from right to left."""
        points = [*arch, (arch[-1][0], foot), (arch[0][0], foot)]
        pixels = [(x * SIDE / 100, y * SIDE / 100) for x, y in points]
        ImageDraw.Draw(self.image).polygon(pixels, (0, 0, 0, 0))

    def both(self, points: Sequence[Point], color: Color, middle: float = 50) -> None:
        """Fills a smooth shape and its mirror image."""
        self.curve(points, color)
        self.curve([(2 * middle - x, y) for x, y in points], color)

    def glow(self, x: float, y: float, radius: float, color: Color) -> None:
        """Lays soft light around (x, y)."""
        rows, columns = np.mgrid[0:SIDE, 0:SIDE] * 100 / SIDE
        distance = np.hypot(columns - x, rows - y) / radius
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        pixels[..., :3] = color[:3]
        pixels[..., 3] = np.clip(1 - distance, 0, 1) ** 2 * 200
        self.image.alpha_composite(Image.fromarray(pixels))

    def hills(self, height: float, swing: float, seed: int, color: Color) -> None:
        """Fills the ground below a wavy line."""
        waves = np.random.default_rng(seed).uniform(0.5, 1.5, (3, 2))
        line = [
            (
                x,
                height
                + swing
                * sum(
                    math.sin(x / 9 * a / (i + 1) + 6 * b) / (3 - i)
                    for i, (a, b) in enumerate(waves)
                ),
            )
            for x in np.linspace(0, 100, 120)
        ]
        self.shape([*line, (100, 100), (0, 100)], color)

    def pine(self, x: float, foot: float, height: float, color: Color) -> None:
        """Draws a pine tree."""
        for i in range(4):
            top, low = foot - height * (1 - i * 0.2), foot - height * (0.55 - i * 0.18)
            wide = height * (0.12 + 0.05 * i)
            self.shape([(x, top), (x + wide, low), (x - wide, low)], color)


def _smooth(points: Sequence[Point]) -> list[Point]:
    """A closed Catmull-Rom line through the points."""
    found = []
    count = len(points)
    for i in range(count):
        p0, p1, p2, p3 = (np.array(points[(i + k) % count], float) for k in (-1, 0, 1, 2))
        for t in np.linspace(0, 1, 12, endpoint=False):
            place = 0.5 * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
            found.append((float(place[0]), float(place[1])))
    return found


def on(scene: Image.Image, *subjects: Image.Image) -> Image.Image:
    """The scene with the subjects in front of it."""
    whole = scene.copy()
    for subject in subjects:
        whole.alpha_composite(subject)
    return whole


def fox() -> Image.Image:
    """A fox that sits and looks at us."""
    p = Painter()
    p.curve([(56, 92), (78, 93), (90, 80), (88, 62), (80, 56), (79, 68), (72, 78), (60, 82)], RUST)
    p.curve([(88, 62), (84, 52), (78, 58), (79, 68), (84, 70)], CREAM)
    p.curve([(40, 94), (33, 84), (36, 66), (50, 54), (64, 66), (67, 84), (60, 94)], RUST)
    p.curve([(50, 84), (42, 74), (42, 60), (50, 56), (58, 60), (58, 74)], CREAM)
    p.both([(44, 94), (41, 82), (45, 74), (49, 82), (49, 94)], (92, 48, 34))
    p.both([(33, 44), (30, 20), (36, 18), (48, 33)], RUST)
    p.both([(35, 40), (33, 24), (36, 24), (44, 34)], INK)
    p.curve([(38, 33), (50, 30), (62, 33), (72, 47), (60, 56), (50, 65), (40, 56), (28, 47)], RUST)
    p.both([(28, 47), (38, 46), (46, 54), (49, 63), (50, 65), (40, 57)], CREAM)
    p.both([(40, 45), (43, 42), (46, 45), (43, 47)], INK)
    p.oval(43.8, 44, 0.8, 0.8, WHITE)
    p.oval(57.8, 44, 0.8, 0.8, WHITE)
    p.curve([(47, 61), (53, 61), (50, 65.5)], INK)
    return p.image


def cat() -> Image.Image:
    """A ginger cat that sits and looks at us."""
    p, dark = Painter(), (186, 98, 32)
    tail = [(60, 93), (80, 94), (90, 84), (88, 72), (82, 72), (82, 82), (74, 86), (62, 84)]
    p.curve(tail, GINGER)
    p.curve([(88, 72), (85, 68), (82, 72), (82, 77), (87, 78)], dark)
    p.curve([(38, 94), (30, 84), (34, 64), (50, 54), (66, 64), (70, 84), (62, 94)], GINGER)
    p.curve([(50, 88), (42, 78), (43, 64), (50, 60), (57, 64), (58, 78)], CREAM)
    for y in (68, 75, 82):
        p.both([(32, y), (39, y - 1), (39, y + 1.5), (32, y + 2.5)], dark)
    p.both([(41, 95), (38, 90), (43, 78), (49, 90), (48, 95)], GINGER)
    p.both([(30, 42), (29, 19), (34, 18), (47, 30)], GINGER)
    p.both([(33, 36), (32, 24), (35, 24), (42, 31)], (240, 170, 150))
    p.curve(
        [(36, 30), (50, 27), (64, 30), (72, 44), (64, 58), (50, 62), (36, 58), (28, 44)], GINGER
    )
    for x in (44, 50, 56):
        p.curve([(x - 1.4, 28), (x + 1.4, 28), (x + (50 - x) * 0.1, 38)], dark)
    p.both([(29, 47), (35, 47.5), (35, 49.5), (30, 50)], dark)
    p.curve([(50, 49), (60, 52), (58, 60), (50, 61.5), (42, 60), (40, 52)], CREAM)
    for x in (41, 59):
        p.oval(x, 43, 4.6, 4.2, (150, 196, 90))
        p.oval(x, 43, 1.5, 3.7, INK)
        p.oval(x + 1, 41.5, 0.9, 0.9, WHITE)
    p.curve([(47.5, 50.5), (52.5, 50.5), (50, 53.5)], (214, 110, 110))
    p.line((50, 53), (50, 56), 0.6, INK)
    for y in (52, 55):
        p.line((40, y), (24, y - 3 + (y - 52)), 0.35, WHITE)
        p.line((60, y), (76, y - 3 + (y - 52)), 0.35, WHITE)
    return p.image


def snow() -> Image.Image:
    """A birch wood in snow at dawn."""
    p = Painter()
    p.sky((94, 120, 178), (242, 168, 150), (255, 220, 170), (255, 232, 200))
    p.glow(72, 40, 45, (255, 240, 200))
    p.oval(72, 40, 7, 7, (255, 246, 222))
    p.hills(54, 4, 3, (188, 178, 205))
    p.hills(62, 3, 8, (214, 214, 234))
    for x, wide in ((8, 4), (20, 2.6), (31, 3), (88, 4.4), (96, 3)):
        p.shape(
            [(x, 0), (x + wide, 0), (x + wide * 1.1, 80), (x - wide * 0.1, 80)], (236, 232, 230)
        )
        for i in range(9):
            y = 4 + i * 8 + (x * 7) % 5
            p.curve([(x, y), (x + wide * 0.6, y + 0.4), (x, y + 1.6)], (70, 62, 70))
    p.hills(76, 2, 5, SNOW)
    p.oval(52, 94, 32, 5, (190, 202, 226))
    return p.image


def lake() -> Image.Image:
    """A mountain lake at noon."""
    p = Painter()
    p.sky((74, 150, 222), (168, 212, 244), (214, 236, 250), (214, 236, 250))
    for x, y, size in ((20, 22, 8), (80, 34, 6)):
        for dx, dy, r in ((0, 0, 1), (0.9, 0.2, 0.8), (-0.9, 0.25, 0.7), (0.2, -0.45, 0.75)):
            p.oval(x + dx * size, y + dy * size, r * size, r * size * 0.55, (255, 255, 255, 225))
    peaks = [(0, 52), (14, 34), (24, 46), (42, 26), (58, 48), (72, 36), (88, 50), (100, 42)]
    p.shape([*peaks, (100, 70), (0, 70)], (112, 128, 166))
    for x, y in ((14, 34), (42, 26), (72, 36)):
        p.shape([(x, y), (x + 6, y + 9), (x + 2, y + 7), (x - 1, y + 10), (x - 5, y + 8)], SNOW)
    p.hills(60, 2, 4, (66, 112, 98))
    for i in range(26):
        p.pine(i * 4 + (i * 37) % 3, 68, 9 + (i * 53) % 7, (38 + (i * 7) % 14, 84, 72))
    p.shape([(0, 67), (100, 67), (100, 100), (0, 100)], (70, 138, 190))
    for i in range(16):
        y, x = 69 + i * 2, (i * 41) % 70
        p.shape([(x, y), (x + 22, y), (x + 18, y + 0.7), (x + 3, y + 0.7)], (150, 204, 232, 130))
    p.curve([(-8, 104), (-6, 88), (14, 86), (34, 94), (46, 104)], (82, 142, 82))
    return p.image


def balloon() -> Image.Image:
    """A red hot-air balloon."""
    p = Painter()
    p.line((60, 44), (64, 54), 0.4, INK)
    p.line((72, 44), (68, 54), 0.4, INK)
    p.curve([(66, 8), (80, 14), (82, 28), (72, 45), (60, 45), (50, 28), (52, 14)], (206, 44, 46))
    p.curve([(66, 8), (72, 15), (73, 28), (69, 45), (63, 45), (59, 28), (60, 15)], (250, 208, 96))
    p.curve([(66, 8), (68, 18), (68, 30), (67, 45), (65, 45), (64, 30), (64, 18)], (206, 44, 46))
    p.shape([(62.5, 53), (69.5, 53), (68.8, 59), (63.2, 59)], (132, 84, 48))
    return p.image


def lighthouse() -> Image.Image:
    """A lighthouse on a cliff in the evening."""
    p = Painter()
    p.sky((40, 44, 96), (138, 84, 140), (246, 144, 112), (255, 196, 132))
    for i in range(40):
        p.oval((i * 61) % 100, (i * 37) % 38, 0.25, 0.25, (255, 255, 255, 190))
    p.glow(24, 66, 40, (255, 220, 150))
    p.oval(24, 68, 8, 8, (255, 236, 180))
    p.shape([(0, 70), (100, 70), (100, 100), (0, 100)], (52, 68, 116))
    for i in range(14):
        y, x = 71 + i * 2, (i * 29) % 40
        p.shape([(x, y), (x + 18, y), (x + 14, y + 0.7), (x + 4, y + 0.7)], (255, 190, 140, 120))
    p.shape([(70, 27), (0, 10), (0, 30)], (255, 244, 190, 70))
    p.curve([(50, 108), (54, 82), (60, 72), (80, 70), (106, 72), (110, 108)], (60, 48, 66))
    p.shape([(65, 72), (67, 34), (75, 34), (77, 72)], (246, 238, 228))
    for y in (40, 53, 66):
        wide = 4 + (y - 34) / 19
        p.shape(
            [(71 - wide, y), (71 + wide, y), (71 + wide + 0.3, y + 6), (71 - wide - 0.3, y + 6)],
            (200, 60, 56),
        )
    p.shape([(65.5, 33), (76.5, 33), (76.5, 35), (65.5, 35)], INK)
    p.shape([(68, 25), (74, 25), (74, 33), (68, 33)], (255, 240, 170))
    p.shape([(66.5, 25), (75.5, 25), (71, 19)], (120, 40, 44))
    p.glow(71, 29, 14, (255, 240, 170))
    return p.image


def train() -> Image.Image:
    """An old steam train on a stone viaduct in autumn."""
    p, stone = Painter(), (168, 152, 136)
    half = np.linspace(0, math.pi, 40)
    p.sky((126, 186, 220), (206, 226, 226), (250, 232, 196), (250, 232, 196))
    p.oval(80, 18, 7, 7, (255, 244, 190))
    p.hills(46, 5, 11, (150, 166, 150))
    p.hills(56, 4, 14, (206, 140, 66))
    wall = Painter()
    wall.shape([(0, 49), (100, 49), (100, 100), (0, 100)], stone)
    wall.shape([(0, 50.5), (100, 50.5), (100, 52), (0, 52)], (140, 124, 110))
    for left in range(-5, 100, 22):
        wall.clear([(left + 8.5 * math.cos(t), 65 - 8.5 * math.sin(t)) for t in half], 100)
    p.image.alpha_composite(wall.image)
    p.hills(88, 2, 9, (156, 92, 48))
    for i in range(18):
        tone = ((214, 96, 44), (236, 168, 58), (186, 72, 42), (150, 146, 70))[i * 7 % 4]
        x, y = 3.0 + i * 5.8, 88 + (i * 17) % 7
        p.line((x, y), (x, y + 8), 0.8, (92, 60, 44))
        p.oval(x, y, 4.6, 4.8, tone)
    for i in range(8):
        p.oval(26 - i * 5, 26 - i * 1.8, 3 + i * 0.9, 2.6 + i * 0.7, (255, 255, 255, 215 - i * 14))
    for i in range(3):
        p.shape(
            [(48 + i * 18, 39), (64 + i * 18, 39), (64 + i * 18, 48), (48 + i * 18, 48)],
            (150, 46, 44),
        )
        for k in range(3):
            x = 50 + i * 18 + k * 4.6
            p.shape([(x, 41), (x + 3, 41), (x + 3, 44), (x, 44)], (255, 232, 170))
    p.shape([(22, 40), (40, 40), (40, 48), (22, 48)], (46, 56, 52))
    p.shape([(37, 35), (46, 35), (46, 48), (37, 48)], (36, 44, 42))
    p.shape([(25, 32), (29, 32), (28.5, 40), (25.5, 40)], (36, 44, 42))
    p.shape([(18, 49), (22, 44), (24, 49)], (150, 46, 44))
    for x in (25, 31, 37, 43, *range(51, 104, 6)):
        p.oval(x, 48.5, 1.9, 1.9, INK)
    return p.image


def library() -> Image.Image:
    """Tall shelves of books, and light from a window."""
    p = Painter()
    p.sky((112, 78, 54), (92, 62, 44), (74, 50, 38))
    draw = np.random.default_rng(4)
    tones = (
        (150, 52, 46),
        (48, 92, 96),
        (196, 150, 72),
        (70, 84, 124),
        (112, 120, 76),
        (206, 190, 160),
    )
    for row in range(5):
        x, foot = 2.0, 16 + row * 17.0
        while x < 97:
            wide, high = draw.uniform(1.6, 3.4), draw.uniform(9, 13.5)
            p.shape(
                [(x, foot - high), (x + wide, foot - high), (x + wide, foot), (x, foot)],
                tones[int(draw.integers(len(tones)))],
            )
            x += wide + 0.3
        p.shape([(0, foot), (100, foot), (100, foot + 2), (0, foot + 2)], (62, 40, 30))
    p.shape([(0, 88), (100, 88), (100, 100), (0, 100)], (126, 84, 60))
    p.shape([(60, 0), (100, 0), (64, 100), (10, 100)], (255, 226, 160, 60))
    return Image.fromarray(np.asarray(p.image)).filter(ImageFilter.GaussianBlur(4))


def studio() -> Image.Image:
    """A plain grey background."""
    p = Painter()
    p.sky((176, 180, 188), (206, 208, 214), (182, 184, 190))
    p.oval(52, 94, 34, 4.5, (140, 142, 150))
    return p.image


def logo() -> Image.Image:
    """An ear of wheat in a ring, on nothing."""
    p, gold, brown = Painter(), (214, 150, 50), (104, 62, 32)
    turns = np.linspace(0, 2 * math.pi, 180)
    outer = [(50 + 42 * math.cos(t), 50 + 42 * math.sin(t)) for t in turns]
    inner = [(50 + 37 * math.cos(t), 50 + 37 * math.sin(t)) for t in turns[::-1]]
    p.shape([*outer, *inner], brown)
    p.line((50, 34), (50, 80), 1.8, brown)
    p.curve([(50, 18), (54.5, 26), (50, 35), (45.5, 26)], gold)
    for y in (34, 43, 52, 61):
        p.both([(51.5, y + 8), (53, y), (60, y - 7), (61, y + 1)], gold)
    return p.image
