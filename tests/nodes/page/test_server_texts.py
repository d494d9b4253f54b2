"""What the server writes, as the page shows it in another language."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import written_texts
from bench import GENERATE, Bench
from faulty_sandbox import Fault
from server_texts import TEXTS

ROOT = Path(__file__).resolve().parents[3]
VALUE = re.compile(r"(\{\w+\})")
SCRIPT = """
import {{ translator }} from "{module}";
const [texts, shown] = JSON.parse(process.argv[1]);
console.log(JSON.stringify(shown.map(translator(texts))));
"""

Translate = Callable[..., list[str]]

_SEEN = "m DOESN'T ACCEPT IMAGES. CHOOSE ONE THAT DOES, SUCH AS v."
_OPAQUE = "CHOOSE m, n, OR TURN OFF TRANSPARENT_BACKGROUND."
_GONE = "THE MODEL `m` ISN'T AVAILABLE ANYMORE."


@pytest.fixture(scope="session")
def translate() -> Translate:
    """Shows texts in a language that is the English in capitals, but for the values."""
    capitals = {text: _in_capitals(text) for text in TEXTS}
    return lambda *shown: _translated(capitals, *shown)


def _translated(texts: dict[str, str], *shown: str) -> list[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("web/ can't run here: there is no Node.js")
    script = SCRIPT.format(module=(ROOT / "web" / "server_texts.js").as_uri())
    sent = json.dumps([texts, shown])
    command = [node, "--input-type=module", "--eval", script, "--", sent]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return list(json.loads(done.stdout))


def _in_capitals(text: str) -> str:
    parts = VALUE.split(text)
    return "".join(part if VALUE.match(part) else part.upper() for part in parts)


def test_each_text_is_one_that_the_code_writes() -> None:
    by_code = written_texts.written()
    assert [text for text in TEXTS if not written_texts.is_written(text, by_code)] == []


def test_the_page_splits_no_text_with_a_value() -> None:
    assert [t for t in TEXTS if "{" in t and written_texts.PARTS.split(t) != [t]] == []


def graph(**inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": "VeniceGenerateImage", "inputs": {**GENERATE, **inputs}}}


def test_what_the_page_shows_before_a_run(
    preview: Any, translate: Translate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.01")
    over = preview.of(graph(batch_size=4))["total"]
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.01")
    runs = preview.of(graph(batch_size=4), runs=3)["total"]
    empty = preview.of(graph(prompt=""))["nodes"]["1"]
    odd = preview.of(graph(model="nano-banana-pro", width=1350, height=768, seed=7))["nodes"]["1"]

    assert translate(
        over["over"]["text"],
        runs["over"]["text"],
        runs["text"],
        empty["price"]["text"],
        empty["error"],
        *odd["warnings"],
    ) == [
        "OVER YOUR $0.01 DAILY LIMIT: $0.00 SPENT TODAY, THIS COSTS ABOUT $0.04.",
        "OVER YOUR $0.01 LIMIT PER RUN: THIS COSTS ABOUT $0.04.",
        "4 IMAGES WITH Z-Image Turbo, ABOUT $0.04 EACH; 3 RUNS, UP TO $0.12 IN TOTAL.",
        "NEEDS INPUT",
        "ENTER A PROMPT.",
        "1350 × 768 IS SENT AS 16:9, THE CLOSEST RATIO THAT nano-banana-pro OFFERS.",
        "nano-banana-pro DOESN'T USE SEEDS.",
    ]


def test_the_statuses_of_runs(bench: Bench, translate: Translate) -> None:
    bench.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 102)
    lost = bench.generate(batch_size=4)
    bench.sandbox.add_fault(Fault.headers({"x-venice-is-blurred": "true"}))
    blurred = bench.generate(seed=7)
    done = bench.generate(batch_size=3, seed=200, negative_prompt="rain")

    for text in (lost.texts[-1], blurred.texts[-1]):
        assert translate(text) == [text.upper()]
    assert translate(done.texts[-1]) == [
        "3 IMAGES · SEEDS 200–202 · ABOUT $0.03 · z-image-turbo DOESN'T USE NEGATIVE PROMPTS."
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "2 of 4 done · 1 waiting (rate limit), 12 s left",
            "2 OF 4 DONE · 1 WAITING (RATE LIMIT), 12 S LEFT",
        ),
        ("waiting for Venice 12 s", "WAITING FOR VENICE 12 S"),
        ("waiting (m is busy), 12 s left", "WAITING (m IS BUSY), 12 S LEFT"),
        ("2 waiting (m is busy) 12 s", "2 WAITING (m IS BUSY) 12 S"),
        ("2 bananas", "2 bananas"),
        ("4 images and 2 texts, up to $0.05.", "4 IMAGES AND 2 TEXTS, UP TO $0.05."),
        ("Flagged images: 2 of 4. Stopped.", "FLAGGED IMAGES: 2 OF 4. STOPPED."),
        ("m doesn't accept images. Choose one that does, such as v.", _SEEN),
        ("This model isn't available anymore.", "THIS MODEL ISN'T AVAILABLE ANYMORE."),
        ("The model `m` isn't available anymore.", _GONE),
        ("about $0.03 plus extra fields", "ABOUT $0.03 PLUS EXTRA FIELDS"),
        (
            "Saved images stay free if you run again with seed 7 (fixed).",
            "SAVED IMAGES STAY FREE IF YOU RUN AGAIN WITH SEED 7 (FIXED).",
        ),
        ("m edits images but can't write text.", "m EDITS IMAGES BUT CAN'T WRITE TEXT."),
        ("The image is 9 × 9. Resize it first.", "THE IMAGE IS 9 × 9. RESIZE IT FIRST."),
        ("Choose m, n, or turn off transparent_background.", _OPAQUE),
        ("price unknown · sandbox", "PRICE UNKNOWN · SANDBOX"),
        ("1 or more images, free.", "1 OR MORE IMAGES, FREE."),
        ("Not sent. Nobody expected this.", "NOT SENT. Nobody expected this."),
        ("Failed: KeyError: '{count} images'", "Failed: KeyError: '{count} images'"),
        ("$0.01–$0.03", "$0.01–$0.03"),
        ("", ""),
        ("constructor", "constructor"),
    ],
)
def test_a_text_in_parts(text: str, shown: str, translate: Translate) -> None:
    assert translate(text) == [shown]


def test_of_several_sentences_that_fit_the_longest_is_taken() -> None:
    texts = {
        "{count} {phase}": "{phase}: {count}",
        "{count} of {total}": "({count}/{total})",
        "{count} images": "images: {count}",
        "{count} images are flagged": "flagged images: {count}",
    }
    assert _translated(texts, "2 of 4 images are flagged") == ["flagged images: (2/4)"]


def test_no_space_follows_a_wide_stop() -> None:
    texts = {"Stopped.": "停止しました。", "Not sent.": "送信していません。"}
    assert _translated(texts, "Stopped. Not sent. 3 of 4") == [
        "停止しました。送信していません。3 of 4"
    ]


@pytest.mark.parametrize("piece", ["seed ", "1 of 2 images, 3 of 4 ", "a, is sent as b, about "])
def test_the_search_ends_for_any_text_of_a_workflow(piece: str, translate: Translate) -> None:
    assert len(translate(piece * 400, (piece * 400)[:299])) == 2
