"""The contract of the nodes that take and compare pictures: saved workflows depend on it."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType

import pytest

from contract import described, lines, listed_in, read_snapshot

SNAPSHOT = read_snapshot(Path(__file__).with_name("contract.json"))
MIRRORS = ("model", "preset", "aspect_ratio", "resolution", "quality", "seed")


@pytest.mark.parametrize("node_id", SNAPSHOT)
def test_node_is_as_published(pack: ModuleType, node_id: str) -> None:
    published = SNAPSHOT[node_id]
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    assert lines(described(node, listed_in(published))) == lines(published)


@pytest.mark.parametrize("node_id", SNAPSHOT)
def test_function_takes_the_inputs_that_are_declared(pack: ModuleType, node_id: str) -> None:
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    function = getattr(node, node.FUNCTION)
    taken = inspect.signature(function).parameters
    inputs = node.INPUT_TYPES()
    assert list(taken)[1:] == [*inputs["required"], *inputs.get("optional", {})]
    assert inspect.iscoroutinefunction(function)
    for name in inputs.get("optional", {}):
        assert taken[name].default is not inspect.Parameter.empty
        settings = inputs["optional"][name][1]
        if "default" in settings and not getattr(node, "INPUT_IS_LIST", False):
            assert taken[name].default == settings["default"], name


@pytest.mark.parametrize("node_id", SNAPSHOT)
def test_combos_that_follow_the_api_let_unknown_values_pass(pack: ModuleType, node_id: str) -> None:
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    inputs = node.INPUT_TYPES()
    declared = {**inputs["required"], **inputs.get("optional", {})}
    mirrors = [name for name in declared if name in MIRRORS]
    if not mirrors:
        assert not hasattr(node, "VALIDATE_INPUTS")
        return
    parameters = inspect.signature(node.VALIDATE_INPUTS).parameters
    assert list(parameters) == mirrors
    assert all(parameter.default is None for parameter in parameters.values())
    assert node.VALIDATE_INPUTS(**dict.fromkeys(mirrors, "of next year")) is True


@pytest.mark.parametrize("node_id", SNAPSHOT)
def test_everything_has_words(pack: ModuleType, node_id: str) -> None:
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    inputs = node.INPUT_TYPES()
    assert node.DESCRIPTION
    assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES)
    assert pack.NODE_DISPLAY_NAME_MAPPINGS[node_id].startswith("Venice ")
    for name, (_, settings) in {**inputs["required"], **inputs.get("optional", {})}.items():
        assert settings["tooltip"], name


def test_edit_offers_the_models_of_its_own_type_only(pack: ModuleType) -> None:
    offered = pack.NODE_CLASS_MAPPINGS["VeniceEditImage"].INPUT_TYPES()["required"]["model"][1]
    models = pack.venice_client.catalogue.bundled_lists().models()
    edits = [model.id for model in models.values() if model.type == "inpaint"]
    assert offered["options"] == edits
    assert len(edits) > 15
