"""The nodes keep the contract that saved workflows depend on (support/contract.py)."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pytest

from contract import CONTRACT, kept

# These mirror a list or a range of the API, which may change before our lists do.
MIRRORED = {"model", "preset", "aspect_ratio", "resolution", "quality", "seed"}

UNHEARD_OF = {"seed": 2**64 - 1}

nodes = pytest.mark.parametrize("node", CONTRACT)


@pytest.fixture
def cls(pack: ModuleType, node: str) -> Any:
    return pack.NODE_CLASS_MAPPINGS[node]


def inputs_of(cls: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    declared = cls.INPUT_TYPES()
    return {**declared["required"], **declared.get("optional", {})}


def takes_all(cls: Any) -> bool:
    """Whether the function takes whatever is declared, by name."""
    parameters = inspect.signature(getattr(cls, cls.FUNCTION)).parameters
    return [p.kind for p in parameters.values()][1:] == [inspect.Parameter.VAR_KEYWORD]


def test_there_is_no_node_that_the_contract_does_not_know(pack: ModuleType) -> None:
    assert set(pack.NODE_CLASS_MAPPINGS) == set(CONTRACT)
    assert set(pack.NODE_DISPLAY_NAME_MAPPINGS) == set(CONTRACT)


@nodes
def test_inputs_have_their_names_in_their_order(cls: Any, node: str) -> None:
    declared = cls.INPUT_TYPES()
    assert set(declared) <= {"required", "optional", "hidden"}
    assert list(declared["required"]) == list(CONTRACT[node]["required"])
    assert list(declared.get("optional", {})) == list(CONTRACT[node]["optional"])


@nodes
def test_hidden_inputs_do_not_spoil_the_cache(cls: Any, node: str) -> None:
    """UNIQUE_ID would: two nodes with the same inputs would no longer share what they made."""
    hidden = cls.INPUT_TYPES().get("hidden", {})
    is_saved = hasattr(cls, "item") or node == "VeniceSeed"
    assert sorted(hidden.values()) == (["EXTRA_PNGINFO", "PROMPT"] if is_saved else [])
    assert not set(hidden) & set(inputs_of(cls))


@nodes
def test_inputs_have_their_types_ranges_steps_and_defaults(cls: Any, node: str) -> None:
    wanted = {**CONTRACT[node]["required"], **CONTRACT[node]["optional"]}
    for name, (type, options) in inputs_of(cls).items():
        assert kept(name, type, options) == wanted[name], name


@nodes
def test_outputs(cls: Any, node: str, pack: ModuleType) -> None:
    contract = CONTRACT[node]
    assert list(zip(cls.RETURN_NAMES, cls.RETURN_TYPES, strict=True)) == [
        tuple(output) for output in contract["outputs"]
    ]
    are_lists = contract.get("lists", [False] * len(cls.RETURN_TYPES))
    assert list(getattr(cls, "OUTPUT_IS_LIST", are_lists)) == are_lists
    assert bool(getattr(cls, "OUTPUT_IS_LIST", ())) == any(are_lists)
    assert getattr(cls, "INPUT_IS_LIST", False) == contract.get("takes_lists", False)
    assert pack.NODE_DISPLAY_NAME_MAPPINGS[node] == contract["name"]


@nodes
def test_everything_a_person_sees_is_explained(cls: Any, node: str) -> None:
    assert cls.CATEGORY == "Venice"
    assert len(cls.DESCRIPTION) > 20
    assert cls.SEARCH_ALIASES
    assert len(cls.OUTPUT_TOOLTIPS) == len(cls.RETURN_TYPES)
    assert all(cls.OUTPUT_TOOLTIPS)
    for name, (_, options) in inputs_of(cls).items():
        assert len(options.get("tooltip", "")) > 10, f"{node}.{name} has no tooltip"


@nodes
def test_texts_are_plain(cls: Any, node: str) -> None:
    """ComfyUI shows them as they are, backticks and all."""
    tooltips = [options["tooltip"] for _, options in inputs_of(cls).values()]
    for text in (cls.DESCRIPTION, *cls.OUTPUT_TOOLTIPS, *tooltips):
        assert "`" not in text, text


@nodes
def test_every_input_reaches_the_function(cls: Any, node: str) -> None:
    function = getattr(cls, cls.FUNCTION)
    assert inspect.iscoroutinefunction(function)
    parameters = inspect.signature(function).parameters
    if takes_all(cls):
        return  # `widgets.read_items` hands out what is declared
    named = [p.name for p in parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    assert named[1:] == list(inputs_of(cls))
    assert (named != list(parameters)) == ("hidden" in cls.INPUT_TYPES())
    for name in CONTRACT[node]["optional"]:
        assert parameters[name].default is not inspect.Parameter.empty, name


@nodes
def test_defaults_of_the_function_are_those_that_are_shown(cls: Any, node: str) -> None:
    parameters = inspect.signature(getattr(cls, cls.FUNCTION)).parameters
    if takes_all(cls):
        return
    for name, (_, options) in inputs_of(cls).items():
        default = parameters[name].default
        if default is not inspect.Parameter.empty and "default" in options:
            shown = options["default"]
            assert default == ((shown,) if CONTRACT[node].get("takes_lists") else shown), name


@nodes
def test_defaults_are_among_the_choices(cls: Any, node: str) -> None:
    for name, (type, options) in inputs_of(cls).items():
        if type == "COMBO" and "default" in options:
            assert options["default"] in options["options"], name
            assert len(options["options"]) == len(set(options["options"])), name


@nodes
def test_floats_have_a_step(cls: Any, node: str) -> None:
    """Without one ComfyUI's page rounds them to one decimal."""
    for name, (type, options) in inputs_of(cls).items():
        assert type != "FLOAT" or "step" in options, name


@nodes
def test_what_mirrors_the_api_is_passed_on_whatever_it_is(cls: Any, node: str) -> None:
    mirrored = MIRRORED & set(inputs_of(cls))
    if not mirrored:
        assert not hasattr(cls, "VALIDATE_INPUTS")
        return
    validate = inspect.signature(cls.VALIDATE_INPUTS).parameters
    assert set(validate) - {"input_types"} == mirrored
    assert ("input_types" in validate) == (node != "VeniceSeed"), "a name may come as text"
    assert all(parameter.default is None for parameter in validate.values())
    assert cls.VALIDATE_INPUTS() is True
    assert cls.VALIDATE_INPUTS(**{n: UNHEARD_OF.get(n, "of tomorrow") for n in mirrored}) is True
    assert cls.VALIDATE_INPUTS(**dict.fromkeys(mirrored)) is True


@nodes
def test_nothing_runs_again_without_a_reason(cls: Any, node: str) -> None:
    if node != "VeniceSeed":
        assert not hasattr(cls, "IS_CHANGED")
        assert not getattr(cls, "NOT_IDEMPOTENT", False)


def test_a_seed_runs_again_unless_it_is_fixed(pack: ModuleType) -> None:
    changed = pack.NODE_CLASS_MAPPINGS["VeniceSeed"].IS_CHANGED
    assert changed(seed=1, mode="fixed") == changed(seed=2, mode="fixed")
    for mode in ("random every run", None):  # by wire any mode may come
        texts = {changed(seed=1, mode=mode) for _ in range(10)}
        assert len(texts) == 10
        assert all(isinstance(text, str) for text in texts), "it is saved as JSON"


@nodes
def test_no_input_could_send_a_key_elsewhere(cls: Any, node: str) -> None:
    for name in inputs_of(cls):
        assert not {"key", "url", "base", "token", "host"} & set(name.lower().split("_")), name


def test_edit_offers_the_models_of_its_own_type_only(pack: ModuleType) -> None:
    _, options = inputs_of(pack.NODE_CLASS_MAPPINGS["VeniceEditImage"])["model"]
    models = pack.venice_client.catalogue.lists.bundled_lists().models()
    edits = [model.id for model in models.values() if model.type == "inpaint"]
    assert options["options"] == edits
    assert len(edits) > 15
