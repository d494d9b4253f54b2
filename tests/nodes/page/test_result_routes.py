"""The routes of the kept results: lists, images, thumbnails, and copies for ComfyUI."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from bench import PROMPT, Bench, held_until
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

    ids = [singles[0]["id"], "a" * 64]
    assert page.post("/venice/results/remove", {"ids": ids}).json() == {"removed": 1}
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


WORKFLOW = {"nodes": [{"id": 1, "type": "VeniceGenerateImage"}], "links": []}


def search(page: PageClient, **query: Any) -> list[dict[str, Any]]:
    answer = page.post("/venice/results/search", query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_results_are_searched_and_filtered(page: PageClient, bench: Bench) -> None:
    bench.generate(prompt="A red fox\nin snow", seed=100)
    bench.generate(prompt="a blue fox", seed=200, model="venice-sd35")
    assert [row["prompt"] for row in search(page)] == ["a blue fox", "A red fox\nin snow"]
    assert [row["seed"] for row in search(page, search="SNOW fox")] == [100]
    assert [row["seed"] for row in search(page, search="fox sd35")] == [200]
    assert [row["seed"] for row in search(page, model="z-image-turbo")] == [100]
    assert search(page, search="badger") == []

    told = page.get("/venice/results").json()
    assert sorted(told["models"]) == ["venice-sd35", "z-image-turbo"]
    (day,) = told["days"]
    assert len(search(page, day=day)) == 2
    assert search(page, day="1999-12-31") == []
    assert search(page, unseen=True) == []
    assert len(search(page, unseen=False)) == 2


def test_what_nobody_has_seen_is_found_until_somebody_has(page: PageClient, bench: Bench) -> None:
    client = bench.pack.venice_client.VeniceClient()
    make = bench.pack.venice_client.GenerateRequest
    client.generate_images(make("z-image-turbo", "x", width=64, height=64, seed=7))
    (row,) = search(page, unseen=True)
    assert page.post("/venice/results/seen", {"ids": [row["id"]]}).json() == {}
    assert search(page, unseen=True) == []
    assert [found["was_shown"] for found in search(page)] == [True]


def test_a_batch_stays_in_order(page: PageClient, bench: Bench) -> None:
    """However its answers arrive."""
    others_are_there = held_until(lambda: len(list(bench.home.glob("results/*.result"))) == 3)
    bench.sandbox.add_fault(others_are_there, when=lambda sent: sent["seed"] == 100)
    bench.generate(batch_size=4)
    bench.generate(batch_size=2, seed=900)
    assert [row["seed"] for row in search(page)] == [900, 901, 100, 101, 102, 103]
    first, second = (search(page, offset=offset, limit=3) for offset in (0, 3))
    assert [row["seed"] for row in first + second] == [900, 901, 100, 101, 102, 103]


def test_the_workflow_of_a_run_is_told(page: PageClient, bench: Bench) -> None:
    bench.generate(extra_pnginfo={"workflow": WORKFLOW})
    bench.generate(seed=900)
    without, row = search(page)
    assert (without["has_workflow"], row["has_workflow"]) == (False, True)
    answer = page.get(f"/venice/results/{row['id']}/workflow")
    assert answer.json() == {"workflow": WORKFLOW}
    assert page.get(f"/venice/results/{without['id']}/workflow").status_code == 404


def test_prompts_can_be_switched_off_and_are_deleted(page: PageClient, bench: Bench) -> None:
    bench.generate(extra_pnginfo={"workflow": WORKFLOW})
    assert list(bench.home.glob("prompts/*"))
    began_before = bench.pack.venice_client.VeniceClient()

    assert page.post("/venice/limits", {"save_prompts": False}).status_code == 200

    request = bench.pack.venice_client.GenerateRequest("z-image-turbo", PROMPT, seed=900)
    began_before.generate_images(request)
    assert not list(bench.home.glob("prompts/*"))
    assert [(row["prompt"], row["has_workflow"]) for row in search(page)] == [("", False)] * 2
    assert search(page, search="fox") == []
    page.post("/venice/limits", {"save_prompts": True})
    bench.generate(seed=901)
    assert [row["prompt"] for row in search(page, search="fox")] == [PROMPT]


def test_an_odd_question_is_refused(page: PageClient) -> None:
    for query in (
        {"search": 7},
        {"search": "x" * 1001},
        {"model": []},
        {"day": None},
        {"offset": -1},
        {"limit": "x"},
        {"offset": 1e30},
    ):
        assert page.post("/venice/results/search", query).status_code == 400, query
    for ids in (None, "a", [7], ["a" * 64] * 501, {"a": 1}):
        assert page.post("/venice/results/remove", {"ids": ids}).status_code == 400, ids
    assert page.post("/venice/results/remove", {"ids": ["../x"]}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/venice/results/{'a' * 64}/workflow",
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


def test_images_are_copied_for_comfyui(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    comfyui = bench.pack.venice_nodes.run.comfyui
    monkeypatch.setattr(comfyui, "image_folder", lambda kind: tmp_path)
    bench.generate()
    (row,) = page.get("/venice/results").json()["results"]
    ids = {"ids": [row["id"]]}
    saved = page.post("/venice/results/save", ids).json()
    again = page.post("/venice/results/input", ids).json()
    assert saved == again == {"names": ["venice_z-image-turbo_100.png"]}, "it is there already"
    assert Image.open(tmp_path / saved["names"][0]).size == (64, 64)
    gone = page.post("/venice/results/save", {"ids": ["b" * 64, row["id"]]})
    assert gone.json() == saved, "what is gone keeps nothing else from being saved"
    assert page.post("/venice/results/save", {"ids": ["b" * 64]}).status_code == 404
    monkeypatch.setattr(comfyui, "image_folder", lambda kind: None)
    assert page.post("/venice/results/save", ids).status_code == 404


def test_texts_are_listed_with_what_they_say(page: PageClient, bench: Bench) -> None:
    package = bench.pack.venice_client
    request = package.WritePromptsRequest("a fox, early in the morning", model="default")
    (text,) = package.VeniceClient().write_prompts(request).texts
    (row,) = search(page, search=text.split()[-1])
    assert (row["kind"], row["text"]) == ("text", text)
    assert row["prompt"] == "a fox, early in the morning"
    assert search(page, search="early morning") == [row]


def test_a_text_is_listed_with_its_words_and_has_no_image(page: PageClient, bench: Bench) -> None:
    bench.generate()
    end = bench.run("VeniceWritePrompt", idea="a fox", model="default", count=2)
    told = page.get("/venice/results").json()
    text, image = sorted(told["results"], key=lambda row: row["kind"], reverse=True)
    assert (text["kind"], text["images"]) == ("text", 0)
    assert text["text"] == "\n\n".join(end.shown[0])
    assert (image["kind"], image["text"], image["images"]) == ("image", "", 1)
    assert page.get(f"/venice/results/{text['id']}/thumbnail").status_code == 404
    assert page.post("/venice/results/save", {"ids": [text["id"]]}).status_code == 404
    assert page.post("/venice/results/remove", {"ids": [text["id"]]}).json() == {"removed": 1}
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
