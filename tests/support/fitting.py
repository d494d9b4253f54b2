"""Whether the page's own elements have room for their texts, in languages with longer words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from comfyui_process import ROOT

if TYPE_CHECKING:
    from comfy_page import ComfyPage

SCREENSHOTS = ROOT / "output" / "page"
STICKS_OUT = """root => {
  const holder = [...document.querySelectorAll(root)].find(one => one.checkVisibility());
  if (!holder) return [`no ${root}`];
  const around = holder.getBoundingClientRect();
  return [...holder.querySelectorAll('*')].filter(one => one.checkVisibility()).filter(one => {
    const {left, right, width} = one.getBoundingClientRect();
    const {overflowX, textOverflow, display} = getComputedStyle(one);
    const isInside = left >= around.left - 1 && right <= around.right + 1;
    const fits = display === 'inline' || textOverflow === 'ellipsis' || overflowX === 'auto'
      || one.scrollWidth <= one.clientWidth + 2;
    return width && !(isInside && fits);
  }).map(one => `${one.className || one.tagName}: ${one.textContent.slice(0, 80)}`);
}"""
"""The elements that stick out of `root`, or whose content sticks out of them."""

with_long_words = pytest.mark.parametrize("language", ["ru", "pt-BR", "zh"])


def check_fits(page: ComfyPage, root: str, name: str) -> None:
    """Fail if something sticks out of `root`; leave a screenshot."""
    page.picture(SCREENSHOTS / f"{name}.png")
    assert {name: page.page.evaluate(STICKS_OUT, root)} == {name: []}
