"""The notes on the canvas of the example workflows: their purpose, and the cost of a run.

Tests compare each price with the estimate and with the sandbox's charge.
"""

from __future__ import annotations

# No inline code: newer pages draw it blue on blue.
KEY = """

No key yet? Press **Run** and choose the free sandbox."""

TEXT = (
    """## Venice text to image

Describe your image in **prompt**, choose a look in **Venice Style Preset** and press **Run**.

The same seed and prompt give you the same image again, for free. Change the seed for a new one.

Costs about $0.01 on Venice."""
    + KEY
)

TEXT_UPSCALE = (
    """## Venice text to image and upscale

**Venice Generate Image** generates an image of 1024 × 768, and **Venice Upscale Image** enlarges \
it to 2048 × 1536. Set **scale** to 4x for 4096 × 3072.

Costs about $0.03 on Venice: $0.01 for the image, $0.02 for 2x ($0.08 for 4x).

To upscale for free on your own machine, replace **Venice Upscale Image** with **Load Upscale \
Model** and **Upscale Image (using Model)**. You need a model file."""
    + KEY
)

UPSCALE = (
    """## Venice upscale my image

Choose your image in **Load Image** and set **scale** to 2x or 4x. Raise **creativity** for more \
detail.

The image needs at least 65,536 pixels, for example 256 × 256.

Costs about $0.02 on Venice, or about $0.08 with 4x. Running the same image with the same settings \
again is free. Change **variation** (under **More options**) for a new result (charged again)."""
    + KEY
)

EDIT = (
    """## Venice edit my image

1. Choose your image in **Load Image**.
2. Right-click it, open it in the mask editor, paint over the part to change, and save.
3. Describe the change in **prompt** and press **Run**.

Everything outside the mask stays exactly as it was, pixel for pixel. Under **More options**, \
**feather** softens the edge and **grow_mask** expands the mask.

To edit the whole image, disconnect **mask**. An empty mask sends nothing.

Costs about $0.04 on Venice."""
    + KEY
)

EXPAND = (
    """## Venice expand an image (outpaint)

Choose your image in **Load Image**. In **Pad Image for Outpainting**, set how many pixels to add \
on each side. Describe in **prompt** what belongs there and press **Run**.

**Pad Image for Outpainting** adds gray borders and a matching mask. **Venice Edit Image** fills \
only the masked area, so your image stays as it was, except where **feathering** blends it in.

Costs about $0.04 on Venice. Running it again with the same settings is free. Change \
**variation** (under **More options**) for a new result (charged again)."""
    + KEY
)

ERASE = (
    """## Venice erase an object (inpaint)

Press **Run** to erase the cloud at the top right. The mask is a white box on black, placed by \
**Combine Masks**.

For your own image:

1. Choose it in **Load Image**.
2. Right-click it, open it in the mask editor, paint over the object, and save.
3. Connect **MASK** of **Load Image** to **mask**, and delete the other mask nodes.
4. Say in **prompt** what to remove, and what is behind it.

To replace the object, describe the new one instead. Outside the mask, nothing changes.

Costs about $0.04 on Venice."""
    + KEY
)

BACKGROUND = (
    """## Venice replace background

Choose your image in **Load Image**, describe the new background in **prompt** and press **Run**.

**Venice Remove Background** finds the background; its **mask** limits **Venice Edit Image** to \
the background. Raise **grow_mask** (under **More options**) if some of the old background remains \
at the edge.

For a background from another image, see the template Venice cut out on a new background.

Costs about $0.07 on Venice: $0.03 for the mask, $0.04 for the edit."""
    + KEY
)

CUTOUT = (
    """## Venice cut out

Choose your image in **Load Image**. **Venice Remove Background** removes the background, and \
**Save Image** saves **cutout** as a transparent PNG.

Use **image** and **mask** for other nodes. The mask is white where the cutout is transparent, as \
in **Load Image**.

Costs about $0.03 on Venice."""
    + KEY
)

COMPOSITE = (
    """## Venice cut out on a new background

**Venice Remove Background** cuts out the subject of the first image, and **Image Composite \
Masked** places it on the second. That node expects white where the subject is, so **Invert Mask** \
flips the mask.

To cut out your own image, replace the first **Venice Generate Image** with **Load Image**.

Costs about $0.05 on Venice: $0.01 for each image, $0.03 for the cutout."""
    + KEY
)

COMPARE_STYLES = (
    """## Venice compare styles

**Venice Style Sweep** runs one prompt and seed in several styles. **Venice Contact Sheet** \
shows the images side by side, with labels.

Enter one style or pattern per line: \\*noir\\* is every style with noir in its name, \\* is every \
style. Add more styles later; you pay only for the new ones.

Costs about $0.04 on Venice, $0.01 for each style.

To compare models, connect **Venice Model Sweep** to **model**."""
    + KEY
)

COMPARE_GRID = (
    """## Venice compare styles and models

**Venice Grid** combines every style (columns) with every model (rows): six images of one prompt \
and seed. **Venice Contact Sheet** arranges them on one sheet with headings.

Columns and rows can be styles, models, seeds or prompts, one per line. Add more later; you pay \
only for the new images.

Costs about $0.12 on Venice: $0.01 for each image of the first model, $0.03 for each of the \
second."""
    + KEY
)

LOGO = (
    """## Venice logo with transparent background

With **transparent_background** on, this model generates an image without a background. \
**Join Image with Alpha** combines the image with its **mask** (white where transparent), and \
**Save Image** saves a transparent PNG.

It helps to mention the transparent background in your prompt.

Costs about $0.07 on Venice."""
    + KEY
)

REFERENCES = (
    """## Venice style references

Use the look of one image for another. The first **Venice Generate Image** generates the \
reference; the second uses its look. To use your own image, replace the first node with \
**Load Image**.

Some models don't support references, and some ignore **strength**; the node tells you. Each \
image of a batch counts as one reference. Chain nodes for different strengths.

Costs from $0.05 on Venice: $0.01 for the first image, from $0.04 for the second."""
    + KEY
)

DESCRIBE = (
    """## Venice describe an image and generate a variation

Choose your image in **Load Image** and press **Run**. **Venice Describe Image** writes a prompt \
for it, and **Venice Generate Image** generates a new image from that prompt.

Set **task** to caption, tags or question for other texts. Say in **instructions** what to pay \
attention to.

Costs about $0.01 on Venice for the image, and less than $0.01 for the text. Running it again \
with the same settings and seed is free."""
    + KEY
)

THREE_PROMPTS = (
    """## Venice three prompts from one idea

Enter an **idea** in a few words and press **Run**. **Venice Write Prompt** writes three \
different prompts, **Venice Generate Image** generates an image from each, and **Venice Contact \
Sheet** shows them side by side.

For three other prompts, change **variation** (under **More options**).

Costs about $0.03 on Venice for the images, and less than $0.01 for the prompts. Running it again \
with the same settings and seed is free."""
    + KEY
)

TEXT_APP = (
    """## Venice text to image, as an app

Describe your image, choose a look and press **Run**. Every run uses a new seed, which is saved \
in the image file.

Costs about $0.01 on Venice for each image."""
    + KEY
)

EDIT_APP = (
    """## Venice edit my image, as an app

Choose your image, describe the change and press **Run**. To change only a part of it, use the \
template Venice edit my image.

Costs about $0.04 on Venice."""
    + KEY
)
