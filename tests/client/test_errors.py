"""Errors survive pickle, a copy and the way out of a process pool."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

import venice_client
from raising import raise_it
from venice_client import errors
from venice_client.cli.app import UsageError
from venice_client.errors import ApiError, VeniceError

FACTS = {
    "status": 422,
    "code": "INVALID_REQUEST",
    "api_message": "no",
    "fields": {"prompt": ["too long"]},
    "request_id": "abc",
    "is_about_model": True,
}


KINDS = [
    kind
    for kind in (*vars(errors).values(), UsageError)
    if isinstance(kind, type) and issubclass(kind, VeniceError)
]


def made(kind: type[VeniceError]) -> VeniceError:
    if kind is errors.UnexpectedError:
        return errors.UnexpectedError(OSError("no"), is_sent=True)
    if kind is errors.BatchError:
        return errors.BatchError("2 are missing.", [made(ApiError), made(errors.StoreError)])
    if kind is errors.InvalidRequestError:
        return errors.InvalidRequestError("Enter a prompt.", "prompt", is_empty=True)
    if kind is UsageError:
        return UsageError("no", "generate", "usage")
    return kind("no\nmore", **FACTS) if issubclass(kind, ApiError) else kind("no\nmore")


def facts(error: BaseException) -> object:
    inner = [facts(each) for each in getattr(error, "errors", ())]
    state = {name: value for name, value in vars(error).items() if name != "errors"}
    return type(error), error.args, state, inner


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_the_same_after_pickle_and_copy(kind: type[VeniceError]) -> None:
    error = made(kind)
    error.name_item("(the second)")
    assert facts(pickle.loads(pickle.dumps(error))) == facts(error)
    assert facts(copy.copy(error)) == facts(error)
    assert error.may_have_been_charged == copy.copy(error).may_have_been_charged


def test_an_error_leaves_a_process_pool() -> None:
    error = made(ApiError)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        came = pool.submit(raise_it, error).exception(60)
    assert came is not None
    assert facts(came) == facts(error)


@pytest.mark.parametrize("name", sorted(n for n in venice_client.__all__ if n.endswith("Error")))
def test_another_process_finds_the_class_of_an_error(name: str) -> None:
    """Else Dask copies it, and `except` in a worker doesn't know it."""
    kind = getattr(venice_client, name)

    assert pickle.loads(pickle.dumps(kind)) is kind
