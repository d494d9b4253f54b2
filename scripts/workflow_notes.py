"""The notes on the canvas of the example workflows: what each is for, and what a run costs.

Tests hold the price of a note against what the preview says and the sandbox charges.
"""

from __future__ import annotations

# No code marks: newer pages draw them blue on blue.
KEY = """

No key yet? Press **Run**: the page asks for one, and can also use the free sandbox, which draws \
test pictures. This file holds no key."""

TEXT = (
    """## Venice text to image

Write what you want to see into **prompt**, choose a look in **Venice Style Preset**, and press \
**Run**.

**Venice Seed** makes a picture repeatable: the same seed and prompt give the same picture again, \
free. Another seed gives another picture.

Costs about 0.01 USD on Venice."""
    + KEY
)

TEXT_UPSCALE = (
    """## Venice text to image and upscale

**Venice Generate Image** makes a picture of 1024 × 768, and **Venice Upscale Image** makes it \
2048 × 1536. With **scale** 4x it becomes 4096 × 3072.

Costs about 0.03 USD on Venice: 0.01 for the picture, 0.02 for 2x (0.08 for 4x).

To upscale on your own machine instead, without cost: put **Load Upscale Model** and **Upscale \
Image (using Model)** in the place of **Venice Upscale Image**. They need a model file."""
    + KEY
)

UPSCALE = (
    """## Venice upscale my picture

Choose your picture in **Load Image**. **Venice Upscale Image** makes it 2 or 4 times as large, \
as **scale** says. More **creativity** adds more detail.

The picture needs at least 65,536 pixels, as 256 × 256 has.

Costs about 0.02 USD on Venice, with 4x about 0.08. The same picture again is free. Another number \
in **variation** asks (and pays) again."""
    + KEY
)

EDIT = (
    """## Venice edit my picture

1. Choose your picture in **Load Image**.
2. Right-click on it, *Open in Mask Editor*, paint over what should change, and save.
3. Say in **prompt** what should be there, and press **Run**.

Everything outside of the mask stays exactly as it was, pixel for pixel. **feather** softens the \
edge, **grow_mask** makes the mask larger.

To let the whole picture change, disconnect **mask**. While nothing is painted, nothing is sent.

Costs about 0.04 USD on Venice."""
    + KEY
)

CUTOUT = (
    """## Venice cut out

Choose your picture in **Load Image**. **Venice Remove Background** cuts out what it shows, and \
**Save Image** writes **cutout** as a PNG with a transparent background.

**image** and **mask** are for other nodes, as those of **Load Image** are: the mask is 1 where \
the cutout is transparent.

Costs about 0.03 USD on Venice."""
    + KEY
)

COMPOSITE = (
    """## Venice cut out on a new background

**Venice Remove Background** cuts out what the first picture shows; **Image Composite Masked** \
puts it on the second. Its mask wants 1 where the subject is, so **Invert Mask** stands between.

To cut out a picture of yours, put **Load Image** in the place of the first **Venice Generate \
Image**. The two pictures are made at the same time.

Costs about 0.05 USD on Venice: 0.01 for each picture, 0.03 for the cutout."""
    + KEY
)

COMPARE_STYLES = (
    """## Venice compare styles

**Venice Style Sweep** is a list: **Venice Generate Image** makes a picture in each style, all at \
the same time, with the same prompt and seed. **Venice Contact Sheet** puts all on one sheet, with \
labels.

One style or pattern a line: \\*noir\\* is every style with noir in its name, \\* is all of them. \
A style that is added later pays only for itself.

Costs about 0.04 USD on Venice, 0.01 for each style.

To compare models, connect **Venice Model Sweep** to **model**."""
    + KEY
)

COMPARE_GRID = (
    """## Venice compare styles and models

**Venice Grid** makes every combination of the styles (columns) and the models (rows): six \
pictures of the same prompt and seed, in one run. **Venice Contact Sheet** puts them on one sheet, \
with headings.

Columns and rows may be styles, models, seeds or prompts, one a line. What is added later pays \
only for itself.

Costs about 0.12 USD on Venice: 0.01 for each picture of the first model, 0.03 for each of the \
second."""
    + KEY
)

LOGO = (
    """## Venice logo with transparent background

**transparent_background** asks a model that can make one for a picture with nothing behind it. \
**Join Image with Alpha** takes the picture and its **mask** (1 where it is transparent), and \
**Save Image** writes a PNG that you can lay over anything.

It helps to say in the prompt that the background is transparent.

Costs about 0.07 USD on Venice."""
    + KEY
)

REFERENCES = (
    """## Venice style references

The look of one picture for another: the first **Venice Generate Image** makes the picture whose \
look is wanted, **Venice Style References** hands it on, and the second one makes something else \
in that look. Put **Load Image** in the place of the first to use a picture of yours.

Not every model takes references, and some ignore **strength**; the node says so. Several pictures \
in a batch count as several references; chain nodes for different strengths.

Costs about 0.05 USD on Venice: 0.01 for the first picture, 0.04 for the second."""
    + KEY
)

TEXT_APP = (
    """## Venice text to image, as an app

Write what you want to see, choose a look, and press **Run**. Every run draws a new seed; the \
saved picture tells which.

Costs about 0.01 USD on Venice for each picture."""
    + KEY
)

EDIT_APP = (
    """## Venice edit my picture, as an app

Choose your picture, say what should change, and press **Run**. The whole picture may change; the \
template Venice edit my picture changes only what you paint.

Costs about 0.04 USD on Venice."""
    + KEY
)
