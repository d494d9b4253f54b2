"""The routes of the kept results: lists, pictures, thumbnails, and copies for ComfyUI."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from bench import Bench
from page_server import PageClient


def test_kept_results_are_listed_shown_and_removed(page: PageClient, bench: Bench) -> None:
    bench.generate(batch_size=2, width=640, height=320)
    bench.generate(batch_size=3, batch_mode="variants", seed=900)
    told = page.get("/venice/results").json()
    assert told["total"] == 3
    variants, *singles = told["results"]
    assert (variants["images"], variants["seed"]) == (3, 900)
    assert {row["seed"] for row in singles} == {100, 101}
    assert singles[0]["was_shown"] is True
    assert (singles[0]["width"], singles[0]["height"]) == (640, 320)
    assert {row["service"] for row in told["results"]} == {"127.0.0.1"}

    small = page.get(f"/venice/results/{singles[0]['id']}/thumbnail")
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (256, 128)
    whole = page.get(f"/venice/results/{variants['id']}/image/2")
    assert Image.open(io.BytesIO(whole.content)).size == (64, 64)
    assert page.get(f"/venice/results/{variants['id']}/image/3").status_code == 404

    assert page.post(f"/venice/results/{singles[0]['id']}/remove").json() == {}
    assert page.get("/venice/results?offset=1&limit=1").json()["total"] == 2
    assert page.get(f"/venice/results/{singles[0]['id']}/thumbnail").status_code == 404


def test_thumbnails_are_bounded(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.pack.venice_nodes.page.results, "MAX_THUMBNAILS", 3)
    bench.generate(batch_size=6)
    for row in page.get("/venice/results").json()["results"]:
        assert page.get(f"/venice/results/{row['id']}/thumbnail").status_code == 200
    assert len(list((bench.home / "thumbnails").iterdir())) == 3


def test_a_thumbnail_that_many_ask_for_is_whole(page: PageClient, bench: Bench) -> None:
    bench.generate(width=640, height=320)
    (row,) = page.get("/venice/results").json()["results"]
    path = f"/venice/results/{row['id']}/thumbnail"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: PageClient(page.url).get(path).content, range(16)))
    (whole,) = made
    assert Image.open(io.BytesIO(whole)).size == (256, 128)
    assert [file.name for file in (bench.home / "thumbnails").iterdir()] == [f"{row['id']}.webp"]


@pytest.mark.parametrize(
    "path",
    [
        "/venice/results/..%2F..%2Fvenice.json/thumbnail",
        f"/venice/results/{'A' * 64}/thumbnail",
        f"/venice/results/{'a' * 64}/thumbnail",
        f"/venice/results/{'a' * 64}/image/0",
        f"/venice/results/{'a' * 64}/image/-1",
        "/venice/results?offset=-1",
        "/venice/results?limit=1e9",
    ],
)
def test_nothing_else_is_served(page: PageClient, path: str) -> None:
    assert page.get(path).status_code in (400, 404)


def test_pictures_are_copied_for_comfyui(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    comfyui = bench.pack.venice_nodes.run.comfyui
    monkeypatch.setattr(comfyui, "picture_folder", lambda kind: tmp_path)
    bench.generate()
    (row,) = page.get("/venice/results").json()["results"]
    saved = page.post(f"/venice/results/{row['id']}/save").json()
    again = page.post(f"/venice/results/{row['id']}/input").json()
    assert saved == again == {"name": "venice_z-image-turbo_100.png"}, "it is there already"
    assert Image.open(tmp_path / saved["name"]).size == (64, 64)
    monkeypatch.setattr(comfyui, "picture_folder", lambda kind: None)
    assert page.post(f"/venice/results/{row['id']}/save").status_code == 404


def test_a_text_is_listed_with_its_words_and_has_no_image(page: PageClient, bench: Bench) -> None:
    bench.generate()
    end = bench.run("VeniceWritePrompt", idea="a fox", model="default", count=2)
    told = page.get("/venice/results").json()
    text, image = sorted(told["results"], key=lambda row: row["kind"], reverse=True)
    assert (text["kind"], text["images"]) == ("text", 0)
    assert text["text"] == "\n\n".join(end.shown[0])
    assert (image["kind"], image["text"], image["images"]) == ("image", "", 1)
    assert page.get(f"/venice/results/{text['id']}/thumbnail").status_code == 404
    assert page.post(f"/venice/results/{text['id']}/save").status_code == 404
    assert page.post(f"/venice/results/{text['id']}/remove").json() == {}
    assert page.get("/venice/results").json()["total"] == 1


def test_the_models_that_describe_and_write_have_prices_in_their_names(page: PageClient) -> None:
    told = page.get("/venice/models").json()
    first, *others = told["describe"]
    assert first["id"] == "default_vision"
    assert first["label"].startswith("default_vision: ")
    assert re.search(r" · \$\d+\.\d+ / \$\d+\.\d+", others[0]["label"]), others[0]
    assert all(model["sees"] for model in told["describe"])
    assert any(model["label"].endswith(" · anonymized") for model in told["describe"])
    assert told["write"][0]["id"] == "default"
    assert len(told["write"]) > len(told["describe"])
