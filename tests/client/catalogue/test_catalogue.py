"""The lists: bundled, then fresh, then saved; one service's are never another's."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faulty_sandbox import Fault, Sandbox
from venice_client import VeniceClient
from venice_client.catalogue import catalogue
from venice_client.catalogue.catalogue import Catalogue
from venice_client.catalogue.lists import Lists, bundled_lists, saved_lists
from venice_client.catalogue.model import parse_model
from venice_client.catalogue.sizing import PixelRules, RatioRules, fit
from venice_client.cli.lists import marks, price_text
from venice_client.errors import ConnectionFailedError, VeniceError
from venice_client.sandbox.models import all_models

MODEL = {
    "id": "new-model",
    "type": "image",
    "model_spec": {"constraints": {"promptCharacterLimit": 100, "aspectRatios": ["1:1"]}},
}


class Service:
    """A service with one model and one style; counts how often it is asked."""

    def __init__(self, models: Sequence[Any] = (MODEL,), styles: Sequence[Any] = ("New",)) -> None:
        self.models, self.styles = models, styles
        self.asked = 0
        self.error: VeniceError | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def fetch_models(self, type: str) -> Sequence[Any]:
        self.asked += 1
        self.may_answer.wait(90)
        if self.error is not None:
            raise self.error
        return self.models if type == "all" else []

    def catalogue(self, home: Path, name: str = "https://one.example") -> Catalogue:
        return Catalogue(home, name, self.fetch_models, lambda: list(self.styles))


def finished(lists: Catalogue) -> None:
    event = lists.refresh_when_old()
    if event is not None:
        assert event.wait(60)


def test_knows_the_bundled_lists_before_anything_was_asked(home: Path) -> None:
    service = Service()
    lists = service.catalogue(home)
    assert len(lists.models()) == 89
    assert len(lists.styles) == 76
    assert lists.model("z-image-turbo").max_steps == 8
    assert not lists.model("flux-3-image").is_known, "its constraints were published in part"
    assert service.asked == 0


def test_a_refresh_replaces_the_bundled_lists_and_is_saved(home: Path) -> None:
    Service().catalogue(home).refresh()

    later = Service().catalogue(home)

    assert [model.id for model in later.models()] == ["new-model"]
    assert later.model("new-model").prompt_limit == 100
    assert later.styles == ("New",)


def test_text_models_are_saved_with_what_the_client_reads_of_them(home: Path) -> None:
    live = [entry.entry for entry in all_models().values()]
    Catalogue(home, "https://one.example", lambda _type: live, lambda: ["New"]).refresh()

    saved = saved_lists(home, "https://one.example")

    assert saved.text_models() == bundled_lists().text_models()
    assert saved.by_trait()["default_vision"].sees
    (file,) = home.glob("catalogue-*.json")
    assert "supportsLogProbs" not in file.read_text()


def saved_with(home: Path, *entries: Any) -> Lists:
    """Read a saved list with more entries."""
    Service().catalogue(home).refresh()
    (file,) = home.glob("catalogue-*.json")
    data = json.loads(file.read_text())
    data["models"] += entries
    file.write_text(json.dumps(data))
    return saved_lists(home, data["service"])


def test_a_list_of_version_0_2_is_not_used(home: Path) -> None:
    assert saved_with(home, {"id": "qwen-3-8-27b", "type": "text"}) is bundled_lists()


def test_a_list_without_text_models_is_used(home: Path) -> None:
    saved = saved_with(home, {"id": "untyped"}, None)

    assert "untyped" in saved.models()
    assert not saved.text_models()


def test_lists_of_one_service_are_never_used_for_another(home: Path) -> None:
    Service().catalogue(home, "https://one.example").refresh()
    assert saved_lists(home, "https://two.example") is bundled_lists()
    assert saved_lists(home, "sandbox") is bundled_lists()


def test_a_file_under_the_name_of_another_service_is_not_used(home: Path) -> None:
    Service().catalogue(home, "https://one.example").refresh()
    (file,) = home.glob("catalogue-*.json")
    Service().catalogue(home, "https://two.example").refresh()
    (other,) = set(home.glob("catalogue-*.json")) - {file}
    other.write_bytes(file.read_bytes())
    assert saved_lists(home, "https://two.example") is bundled_lists()


@pytest.mark.parametrize(
    "change",
    [
        {"models": []},
        {"models": "abc"},
        {"models": {"id": "x"}},
        {"models": [1, None, "x"]},
        {"styles": []},
        {"styles": "New"},
        {"time": "now"},
        {"time": None},
        pytest.param({"time": 10**400}, id="endless time"),
        {"time": float("nan")},
    ],
    ids=str,
)
def test_a_saved_copy_with_odd_parts_is_not_used(home: Path, change: dict[str, Any]) -> None:
    Service().catalogue(home).refresh()
    (file,) = home.glob("catalogue-*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    lists = Service().catalogue(home)
    assert len(lists.models()) == 89
    assert len(lists.styles) == 76


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_not_used_and_replaced(home: Path, content: bytes) -> None:
    Service().catalogue(home).refresh()
    (file,) = home.glob("catalogue-*.json")
    file.write_bytes(content)
    lists = Service().catalogue(home)
    assert len(lists.models()) == 89
    finished(lists)
    assert [m.id for m in Service().catalogue(home).models()] == ["new-model"]


def test_without_a_thread_for_a_refresh_the_lists_stay(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    service = Service()
    lists = service.catalogue(home)
    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", fail)
        event = lists.refresh_when_old()
        lists.check_listed([("z-image-turbo", "image"), ("no-such-model", "image")], [])
    assert event is not None
    assert event.is_set()
    assert (service.asked, lists.styles) == (0, bundled_lists().styles)

    lists._pause = 0.0
    finished(lists)
    assert list(lists.styles) == ["New"]


def test_the_saved_copy_is_not_refreshed_within_a_day(home: Path) -> None:
    Service().catalogue(home).refresh()
    service = Service()
    lists = service.catalogue(home)
    assert lists.refresh_when_old() is None
    assert lists.model_when_known("new-model").is_known
    assert service.asked == 0


@pytest.mark.parametrize("age", [24 * 3600 + 1, -7200])
def test_a_copy_that_is_old_or_from_the_future_is_refreshed_once(home: Path, age: float) -> None:
    Service().catalogue(home).refresh()
    (file,) = home.glob("catalogue-*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "time": time.time() - age}))
    service = Service()
    lists = service.catalogue(home)
    for _ in range(3):
        finished(lists)
    assert service.asked == 1


def test_a_process_that_runs_for_days_refreshes_every_day(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    lists = service.catalogue(home)
    finished(lists)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    finished(lists)
    finished(lists)
    assert service.asked == 2


def test_a_service_that_is_down_is_asked_once_a_day(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    service.error = ConnectionFailedError("down")
    lists = service.catalogue(home)
    for _ in range(3):
        finished(lists)
    assert service.asked == 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    finished(lists)
    assert service.asked == 2
    assert len(lists.models()) == 89


def test_a_refresh_that_failed_is_tried_again_after_ten_minutes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    service.error = ConnectionFailedError("down")
    lists = service.catalogue(home)
    finished(lists)
    service.error = None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 9 * 60)
    finished(lists)
    assert service.asked == 1
    monkeypatch.setattr(time, "time", lambda: now + 11 * 60)
    finished(lists)
    assert lists.model("new-model").is_known
    finished(lists)
    assert service.asked == 2


def test_a_model_with_unknown_constraints_waits_for_the_refresh(home: Path) -> None:
    assert Service().catalogue(home).model_when_known("new-model").is_known


def test_it_waits_for_a_slow_service_once_and_not_long(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert catalogue.MAX_REFRESH_WAIT == 5.0
    monkeypatch.setattr(catalogue, "MAX_REFRESH_WAIT", 0.5)
    service = Service()
    service.may_answer.clear()
    lists = service.catalogue(home)
    began = time.monotonic()
    for _ in range(20):
        assert not lists.model_when_known("new-model").is_known
    assert 0.4 < time.monotonic() - began < 8
    service.may_answer.set()
    finished(lists)
    assert lists.model_when_known("new-model").is_known


def test_a_broken_answer_keeps_the_lists_at_hand_and_hangs_nobody(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for service in (Service(models=[]), Service(styles=[]), Service(models=[1, {"id": 5}])):
        lists = service.catalogue(home)
        finished(lists)
        assert len(lists.models()) == 89
    assert list(home.glob("catalogue-*.json")) == []


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lists = Service().catalogue(tmp_path / "file")
    lists.refresh()
    assert lists.model("new-model").is_known


def test_nothing_is_left_aside(home: Path) -> None:
    Service().catalogue(home).refresh()
    assert [path.suffix for path in home.iterdir()] == [".json"]


def test_nothing_is_left_aside_where_the_copy_cannot_be_replaced(home: Path) -> None:
    Service().catalogue(home).refresh()
    (file,) = home.iterdir()
    file.unlink()
    file.mkdir()
    lists = Service().catalogue(home)
    lists.refresh()
    assert lists.model("new-model").is_known
    assert list(home.iterdir()) == [file]


@pytest.mark.parametrize("form", ["under data", "bare"])
def test_both_published_forms_of_the_styles(
    form: str, strict_sandbox: Sandbox, make_client: Callable[..., VeniceClient]
) -> None:
    styles = ["Anime", "Anime", 5, None, "", "Neon Punk"]
    told = {"data": styles, "object": "list"} if form == "under data" else styles
    strict_sandbox.add_fault(Fault.status(200, json=told), path="/image/styles", times=None)
    client = make_client(strict_sandbox.base_url)
    assert [s for s in client.list_styles() if s] == ["Anime", "Anime", "Neon Punk"]
    client.catalogue.refresh()
    assert client.catalogue.styles == ("Anime", "Neon Punk")


def test_the_list_of_a_service_carries_all_three_kinds_of_sizes(client: VeniceClient) -> None:
    lists = client.catalogue
    assert lists.model("venice-sd35").sizing == PixelRules(16)
    seedream, chroma = lists.model("seedream-v4"), lists.model("chroma")
    assert isinstance(seedream.sizing, RatioRules)
    assert seedream.sizing.is_complete
    assert isinstance(chroma.sizing, PixelRules)
    assert lists.model("nano-banana-pro").tiers
    assert all(model.is_known for model in lists.models("image") if model.makes_images)


def test_sizes_of_models_whose_constraints_nobody_published(home: Path) -> None:
    lists = Service().catalogue(home)
    assert lists.model("venice-sd35").sizing == PixelRules(16)
    priced = lists.model("nano-banana-pro").sizing
    assert isinstance(priced, RatioRules)
    assert priced.tiers == ("1K", "2K", "4K")
    unknown = lists.model("never-heard-of").sizing
    assert isinstance(unknown, RatioRules)
    assert unknown.ratios == ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
    assert not unknown.tiers


TIERS = {"resolutions": {"1K": {"usd": 0.1}, "2K": {"usd": 0.2}}}
NO_RATIO = RatioRules((), is_complete=True)
USUAL = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")


@pytest.mark.parametrize(
    ("id", "constraints", "pricing", "sizing"),
    [
        ("venice-sd35", {"promptCharacterLimit": 1500}, {}, PixelRules(16)),
        ("chroma", {"steps": {"max": 10}}, {}, PixelRules(8)),
        ("new", {"widthHeightDivisor": 32}, {}, PixelRules(32)),
        ("venice-sd35", {"widthHeightDivisor": 8}, {}, PixelRules(8)),
        ("new", {"promptCharacterLimit": 1500}, {}, RatioRules(USUAL)),
        ("new", {"promptCharacterLimit": 1500}, TIERS, RatioRules(USUAL, ("1K", "2K"))),
        ("new", {"resolutions": ["1K", "4K"]}, TIERS, RatioRules(USUAL, ("1K", "4K"))),
        ("new", {"aspectRatios": ["auto"], "widthHeightDivisor": 1}, {}, NO_RATIO),
        ("venice-sd35", {"aspectRatios": ["auto"]}, {}, NO_RATIO),
        ("qwen-image", {}, {}, RatioRules(USUAL)),
        ("new", {"aspectRatios": ["wide", 5]}, TIERS, RatioRules(USUAL, ("1K", "2K"))),
        ("new", {"aspectRatios": [], "widthHeightDivisor": 16}, {}, PixelRules(16)),
        ("new", {"aspectRatios": ["auto", "1:1"]}, {}, RatioRules(("1:1",), is_complete=True)),
        ("new", {"aspectRatios": ["1:1"]}, TIERS, RatioRules(("1:1",), is_complete=True)),
    ],
    ids=str,
)
def test_only_what_is_published_of_sizes_says_how_a_model_is_sized(
    id: str, constraints: dict[str, Any], pricing: dict[str, Any], sizing: PixelRules | RatioRules
) -> None:
    spec = {"constraints": constraints, "pricing": pricing}
    model = parse_model({"id": id, "type": "image", "model_spec": spec})
    assert model is not None
    assert model.sizing == sizing


def test_the_nearest_names(home: Path) -> None:
    lists = Service().catalogue(home)
    assert lists.nearest_model("z-image-turbbo") == "z-image-turbo"
    assert lists.nearest_model("fire", "inpaint") == "firered-image-edit"
    assert lists.nearest_model("zi") is None
    assert lists.nearest_style("neon punks") == "Neon Punk"
    assert lists.nearest_style("anime") == "Anime"
    assert lists.nearest_style("x" * 100_000) is None


def test_a_name_on_the_list_is_no_name_to_find_another_for(home: Path) -> None:
    lists = Service().catalogue(home)
    assert lists.nearest_model("z-image-turbo") is None
    assert lists.nearest_style("Anime") is None
    assert lists.nearest_model("nano-banana-pro", "inpaint") == "nano-banana-pro-edit"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NUMBERS = st.integers() | st.just(10**400) | st.floats() | JSON
TEXTS = st.lists(st.sampled_from(["1:1", "16:9", "0:1", "a", "2K", "0K", "1e9:1"]) | JSON) | JSON
ENTRY = st.fixed_dictionaries(
    {"id": st.just("odd")},
    optional={
        "type": JSON,
        "model_spec": st.fixed_dictionaries(
            {},
            optional={
                "constraints": st.fixed_dictionaries(
                    {},
                    optional={
                        "widthHeightDivisor": NUMBERS,
                        "promptCharacterLimit": NUMBERS,
                        "maxInputImages": NUMBERS,
                        "maxStyleReferences": NUMBERS,
                        "steps": JSON | st.fixed_dictionaries({"max": NUMBERS}),
                        "aspectRatios": TEXTS,
                        "resolutions": TEXTS,
                        "qualities": TEXTS,
                        "combineImages": JSON,
                    },
                )
                | JSON,
                "pricing": st.fixed_dictionaries({"resolutions": JSON}) | JSON,
                "capabilities": JSON,
                "deprecation": JSON,
            },
        )
        | JSON,
    },
)


@given(ENTRY)
def test_odd_entries_are_taken_for_unknown_and_break_nothing(entry: dict[str, Any]) -> None:
    model = parse_model(entry)
    assert model is not None
    assert fit(1024, 576, model.sizing, model=model.id).fields


@given(JSON)
def test_what_is_no_model_is_none(entry: Any) -> None:
    model = parse_model(entry)
    assert model is None or model.id


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_copy_that_may_not_be_read_is_not_used(home: Path) -> None:
    Service().catalogue(home).refresh()
    (file,) = home.glob("catalogue-*.json")
    file.chmod(0)
    assert saved_lists(home, "https://one.example") is bundled_lists()


@pytest.mark.parametrize("model", ["upscaler", "bria-bg-remover"])
def test_a_model_that_never_has_constraints_waits_for_no_refresh(
    home: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MAX_REFRESH_WAIT", 60.0)
    service = Service()
    service.may_answer.clear()
    lists = service.catalogue(home)
    began = time.monotonic()
    assert lists.model_when_known(model).id == model
    assert time.monotonic() - began < catalogue.MAX_REFRESH_WAIT / 2
    service.may_answer.set()
    finished(lists)
    assert service.asked == 1, "the refresh was started all the same"


def test_the_bundled_lists_hold_what_is_published() -> None:
    listed = bundled_lists().models()
    assert listed["gpt-image-2"].ratios == (
        *("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5"),
    )
    assert listed["gpt-image-2"].default_quality == "high"
    assert listed["kling-v4-text-to-image"].default_tier == "2K"
    assert listed["seedream-v5-5"].tiers == ("1K", "1.5K", "2K")
    assert listed["flux-2-max"].ratios[0] == "1:1", "auto is no ratio to send"
    assert listed["krea-v2-large"].style_references == 3
    assert not listed["luma-uni-1"].honours_reference_strength
    assert listed["muse-image"].style_references == 0
    assert listed["flux-3-image"].style_references is None
    assert listed["nano-banana-pro"].abilities["supportsWebSearch"]
    transparent = {model.id for model in listed.values() if model.supports_transparency}
    assert transparent == {
        *("gpt-image-1-5", "gpt-image-1-5-edit", "mai-image-2-7", "mai-image-2-7-flash"),
        *(f"gpt-image-2-5-{name}" for name in ("flare", "flare-edit", "sunburst", "sunburst-edit")),
    }


@pytest.mark.parametrize("model", ["qwen-image", "qwen-image-3", "qwen-image-3-pro"])
def test_qwen_goes_by_ratio(model: str) -> None:
    sizing = bundled_lists().models()[model].sizing
    assert isinstance(sizing, RatioRules)
    assert "width" not in fit(1024, 768, sizing, model=model).fields


def test_a_model_that_always_chooses_the_ratio_gets_none() -> None:
    rules = RatioRules((), ("1K", "2K"), is_complete=True)
    size = fit(2048, 1024, rules, model="m", aspect_ratio="2:1")
    assert size.fields == {"resolution": "2K"}
    assert size.warnings[0] == "m chooses the aspect ratio itself, so 2:1 isn't sent."
    assert fit(1024, 1024, rules, model="m").warnings == (
        "m chooses the aspect ratio itself, so 1024 × 1024 isn't sent.",
    )


@pytest.mark.parametrize(
    ("size", "ratio", "tier"), [((1536, 1536), "1:1", "1.5K"), ((1024, 2400), "9:21", "1.5K")]
)
def test_tiers_and_ratios_that_only_newer_models_have(
    size: tuple[int, int], ratio: str, tier: str
) -> None:
    rules = RatioRules(("1:1", "9:16", "9:21"), ("1K", "1.5K", "2K"), is_complete=True)
    assert fit(*size, rules, model="m").fields == {"aspect_ratio": ratio, "resolution": tier}


def test_what_is_worth_knowing_before_a_model_is_chosen() -> None:
    spec = {
        "privacy": "anonymized",
        "offline": True,
        "betaModel": True,
        "regionRestrictions": ["US", "CA"],
        "deprecation": {"date": "2027-01-31T00:00:00.000Z", "replacementModelId": "newer"},
    }
    model = parse_model({"id": "old", "type": "image", "model_spec": spec})
    assert model is not None
    assert (model.privacy, model.is_offline, model.is_beta) == ("anonymized", True, True)
    assert (model.regions, model.retires_on, model.replacement) == (
        ("US", "CA"),
        "2027-01-31",
        "newer",
    )
    assert marks(model) == [
        *("anonymized", "beta", "offline", "only US/CA", "until 2027-01-31 (then newer)"),
    ]
    plain = parse_model({"id": "new", "model_spec": {"deprecation": 5, "offline": "no"}})
    assert plain is not None
    assert marks(plain) == []


@pytest.mark.parametrize(
    ("pricing", "tiers", "text"),
    [
        ({"generation": {"usd": 0.0375}}, [], "$0.0375"),
        ({"generation": {"usd": 0.09}}, ["1K", "2K"], "from $0.09"),
        (TIERS, ["1K", "2K"], "$0.10–$0.20"),
        (TIERS, ["1K", "2K", "4K"], "from $0.10"),
        ({}, [], "unknown"),
    ],
    ids=str,
)
def test_a_price_in_the_list_of_models(pricing: Any, tiers: list[str], text: str) -> None:
    limits = {"promptCharacterLimit": 9, "resolutions": tiers}
    model = parse_model({"id": "m", "model_spec": {"pricing": pricing, "constraints": limits}})
    assert model is not None
    assert price_text(model) == text


def test_a_known_model_waits_for_the_live_list_where_there_are_only_bundled_ones(
    home: Path,
) -> None:
    live = {"id": "z-image-turbo", "model_spec": {"constraints": {"promptCharacterLimit": 5}}}
    assert Service([live]).catalogue(home).model_when_known("z-image-turbo").prompt_limit == 5
