"""OpenAI's own client against the sandbox."""

from __future__ import annotations

import base64

import pytest

openai = pytest.importorskip("openai")

FOX = {"model": "z-image-turbo", "prompt": "a fox in snow"}


@pytest.fixture
def client(sandbox):
    with openai.OpenAI(
        api_key="canary-key-5d41", base_url=sandbox.base_url, max_retries=0
    ) as opened_client:
        yield opened_client


def test_it_makes_an_image(client, sandbox, opened):
    made = client.images.generate(**FOX, size="512x512", n=1, response_format="b64_json")

    image = opened(base64.b64decode(made.data[0].b64_json))
    assert (image.format, image.size) == ("PNG", (512, 512))
    assert made.created > 0
    assert sandbox.charges == [("/images/generations", "z-image-turbo", 0.01, None)]


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"model": "dall-e-3", "size": "1792x1024"}, (1280, 736)),
        ({"model": "flux-2-pro", "size": "1536x1024"}, (1248, 832)),
        ({"model": "chroma", "size": "auto"}, (1024, 1024)),
    ],
)
def test_any_model_and_size_of_openai_will_do(client, opened, asked, size):
    made = client.images.generate(**{**FOX, **asked}, output_format="webp", response_format="url")

    head, _, text = made.data[0].url.partition(",")
    assert head == "data:image/webp;base64"
    assert opened(base64.b64decode(text)).size == size


@pytest.mark.parametrize(("model", "mode"), [("gpt-image-1-5", "RGBA"), ("z-image-turbo", "RGB")])
def test_a_transparent_background_is_made_by_models_that_can(client, opened, model, mode):
    made = client.images.generate(**{**FOX, "model": model}, background="transparent")

    assert opened(base64.b64decode(made.data[0].b64_json)).mode == mode


def test_what_is_wrong_is_one_of_its_errors(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(**FOX, n=2)
    assert refused.value.response.json()["details"]["n"]["_errors"]
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").images.generate(**FOX)


def test_it_lists_the_models(client):
    assert "error" not in client.models.list().model_dump()
