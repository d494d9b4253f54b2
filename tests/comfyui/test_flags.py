"""ComfyUI started in other ways than usual: options, odd folders, neighbours with our names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfy_fixtures import TIMEOUT_S, VERSIONS, installed, start
from comfy_running import CANARY, Running
from comfyui_process import make_base
from faulty_sandbox import Sandbox
from graphs import Graph

pytestmark = [pytest.mark.comfyui, pytest.mark.timeout(TIMEOUT_S)]

BARE = ("--disable-api-nodes", "--multi-user", "--cache-none", "--disable-metadata")
LRU = ("--cache-lru", "2")

OUR_NAMES = (
    *("venice_client", "venice_nodes", "image_nodes", "compare_nodes", "inputs", "widgets"),
    *("routes", "settings", "errors", "client", "batch", "text", "page", "run", "store", "version"),
)
PUTS_ITSELF_FIRST = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
"""
TAKEN = "raise ImportError('a module of another pack was taken for one of ours')"


@pytest.fixture(scope="module", params=VERSIONS)
def bare(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A ComfyUI without all that can be left out, in a folder with blanks and other letters."""
    base = tmp_path_factory.mktemp("bare") / "mein Ordner – 写真"
    add_neighbour(make_base(base))
    yield from started(request.param, base, BARE)


@pytest.fixture(scope="module", params=VERSIONS)
def lru(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A ComfyUI that keeps the results of two nodes."""
    yield from started(request.param, make_base(tmp_path_factory.mktemp("lru")), LRU)


def started(version: str, base: Path, flags: tuple[str, ...]) -> Iterator[Running]:
    with Sandbox(keys=(CANARY,), max_failures=10**6) as sandbox:
        made = Running(installed(version), base, sandbox, flags=flags)
        try:
            start(made)
            yield made
        finally:
            made.stop()


def add_neighbour(base: Path) -> None:
    """A pack that puts its own folder first on sys.path, with modules of our names."""
    pack = base / "custom_nodes" / "a-neighbour"
    pack.mkdir()
    (pack / "prestartup_script.py").write_text(PUTS_ITSELF_FIRST, "utf-8")
    (pack / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}\n", "utf-8")
    for name in OUR_NAMES:
        (pack / f"{name}.py").write_text(TAKEN, "utf-8")


def picture_of(made: Running, words: str) -> Image.Image:
    """What Generate and Save Image make of a prompt."""
    graph = Graph()
    saved = graph.save(graph.generate(prompt=words))
    run = made.client.run(graph.prompt)
    assert run.succeeded, run.messages
    (image,) = run.images(saved)
    return Image.open(io.BytesIO(made.client.view(image)))


def test_bare_the_same_again_runs_again_and_is_free(bare: Running, words: str) -> None:
    """ComfyUI keeps nothing, so the store gives the image."""
    bare.sandbox.forget()

    first, second = picture_of(bare, words), picture_of(bare, words)

    assert first.tobytes() == second.tobytes()
    assert len(bare.sent) == 1


def test_bare_an_image_says_nothing(bare: Running, words: str) -> None:
    assert picture_of(bare, words).info == {}


def test_bare_the_page_is_answered_and_the_neighbour_took_nothing(bare: Running) -> None:
    account = bare.client.get("/venice/account").json()

    assert account["key"]["is_set"]
    assert "a-neighbour" in bare.log
    assert "taken for one of ours" not in bare.log
    assert CANARY not in bare.log


def test_lru_what_it_forgot_is_free(lru: Running, words: str) -> None:
    lru.sandbox.forget()

    for round_ in range(2):
        for number in range(4):
            picture_of(lru, f"{words} {number}")
        assert len(lru.sent) == 4, round_
