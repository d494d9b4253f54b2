"""The pack, loaded once the way ComfyUI does."""

from __future__ import annotations

from functools import cache

from demo import load_pack

pack = cache(load_pack)
