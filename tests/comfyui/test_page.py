"""The routes of the page, and what nodes tell it, in a real ComfyUI."""

from __future__ import annotations

from typing import Any

from comfy_running import CANARY, Running
from faulty_sandbox import Fault
from graphs import Graph, Link
from page_server import PageClient
from waiting import wait_for


def page_of(comfyui: Running) -> PageClient:
    return PageClient(comfyui.client.url)


def status_of(run: Any, link: Link) -> dict[str, Any]:
    """The status that the history keeps of a node."""
    (status,) = run.outputs[link[0]]["venice_status"]
    found: dict[str, Any] = status
    return found


def test_a_preview_is_what_is_charged(comfyui: Running, words: str) -> None:
    graph = Graph()
    styles = graph.add("VeniceStyleSweep", styles="Anime\nWatercolor")
    images = graph.generate(prompt=words, style=styles, batch_size=2)
    unused = graph.generate(prompt=words, seed=99, batch_size=3)
    graph.preview(graph.add("ImageScaleBy", image=images, upscale_method="area", scale_by=0.5))

    page = page_of(comfyui)
    for path in ("/venice/preview", "/api/venice/preview"):
        told = page.post(path, {"prompt": graph.prompt}).json()
        assert told["nodes"][images[0]]["price"]["usd"] == 0.04
        assert told["nodes"][unused[0]]["price"]["usd"] == 0.03
        assert told["total"]["usd"] == 0.04, "what leads nowhere does not run"
    assert comfyui.sandbox.charged_usd == 0

    assert comfyui.client.run(graph.prompt).succeeded
    assert comfyui.sandbox.charged_usd == 0.04
    after = page.post("/venice/preview", {"prompt": graph.prompt}).json()
    assert after["nodes"][images[0]]["price"]["text"] == "Free · saved result"


def test_a_list_that_another_node_makes_has_no_known_length(comfyui: Running, words: str) -> None:
    graph = Graph()
    batch = graph.generate(prompt=words, batch_size=2)
    images = graph.add("RebatchImages", images=batch, batch_size=1)
    cut = graph.add("VeniceRemoveBackground", image=images)
    graph.preview(cut)
    told = page_of(comfyui).post("/venice/preview", {"prompt": graph.prompt}).json()
    price = told["nodes"][cut[0]]["price"]
    assert (price["from"], price["to"], price["text"]) == (0.03, None, "from $0.03")


def test_the_account_holds_no_key(comfyui: Running, words: str) -> None:
    graph = Graph()
    graph.preview(graph.generate(prompt=words))
    assert comfyui.client.run(graph.prompt).succeeded
    page = page_of(comfyui)
    answers = [
        page.get(f"/venice/{path}")
        for path in ("account", "account?refresh=1", "models", "results?limit=1")
    ]
    key = answers[-1].json()["results"][0]["id"]
    answers.append(page.get(f"/venice/results/{key}/thumbnail"))
    answers += [
        page.post(f"/venice/results/{end}", {"ids": [key]}) for end in ("input", "save", "remove")
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.url
        for secret in (CANARY, comfyui.sandbox.base_url, str(comfyui.base)):
            assert secret.encode() not in answer.content, answer.url
    assert answers[0].json()["key"] == {"is_set": True, "source": "file", "is_sandbox": False}
    assert answers[1].json()["balance_usd"] > 0
    (name,) = answers[-3].json()["names"]
    load = Graph()
    load.preview(load.load(name))
    assert comfyui.client.run(load.prompt).succeeded, "it is there for Load Image"


def test_a_foreign_page_is_refused(comfyui: Running) -> None:
    page = page_of(comfyui)
    for origin in ("null", "http://evil.example"):
        for path in ("key", "limits", "preview", "lists/refresh"):
            assert page.post(f"/venice/{path}", {}, Origin=origin).status_code == 403
            assert page.post(f"/api/venice/{path}", {}, Origin=origin).status_code == 403
        assert page.get("/venice/account", Origin=origin).status_code == 403


def test_the_status_stays(comfyui: Running, words: str) -> None:
    """On an inner node of a subgraph, over the socket, in the history, and in a cached run."""
    graph = Graph()
    seed = graph.seed(2000)
    images = graph.generate(prompt=words, seed=seed)
    preview = graph.preview(images)
    inner = "57:3"
    prompt = {
        inner: graph.prompt[images[0]],
        seed[0]: graph.prompt[seed[0]],
        preview: {"class_type": "PreviewImage", "inputs": {"images": [inner, 0]}},
    }
    with comfyui.client.listen() as events:
        run = comfyui.client.run(prompt, client_id=events.client_id)
        assert run.succeeded, run.messages

        def told() -> list[dict[str, Any]]:
            sent = [m["data"] for m in events.messages if m["type"] == "venice.status"]
            return [data for data in sent if data["kind"] == "done"]

        assert wait_for(lambda: {data["node"] for data in told()} == {inner, seed[0]})
        own = next(data for data in told() if data["node"] == inner)
        assert own["prompt_id"] == run.messages["execution_start"]["prompt_id"]
        assert (own["seed"], own["again"]) == (2000, None)
        assert status_of(run, [inner, 0]) == own

        again = comfyui.client.run(prompt, client_id=events.client_id)
        assert status_of(again, [inner, 0])["text"] == own["text"], "a cached run shows it"


def test_an_error_is_named_and_says_how_to_go_on(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 7001)
    graph = Graph()
    generate = graph.generate(prompt=words, seed=7000, batch_size=3)
    graph.preview(generate)
    with comfyui.client.listen() as events:
        run = comfyui.client.run(graph.prompt, client_id=events.client_id)

        def errors() -> list[Any]:
            told = [m["data"] for m in events.messages if m["type"] == "venice.status"]
            return [data for data in told if data["kind"] == "error"]

        (error,) = wait_for(errors)
    assert run.error["exception_type"] == "venice.BatchError"
    cause, advice, *_ = run.error["exception_message"].splitlines()
    assert "connection" in cause
    assert advice.startswith("2 of 3 images are saved; 1 was lost")
    assert error["again"] == {
        "seed": 7000,
        "seeds": {generate[0]: {"seed": 7000}},
        "count": 1,
        "usd": 0.01,
        "price": "about $0.01",
    }


def test_an_empty_prompt_is_known_to_the_page(comfyui: Running) -> None:
    graph = Graph()
    graph.preview(graph.generate(prompt=""))
    run = comfyui.client.run(graph.prompt)
    assert run.error["exception_type"] == "venice.InvalidRequestError"
    lines = run.error["exception_message"].splitlines()
    assert lines[0].startswith("Enter a prompt")
    assert "Field 'prompt' cannot be empty." in lines
