"""The words of the sandbox's answers, chosen by what it sees, the idea, and a digest of both."""

from __future__ import annotations

from collections.abc import Sequence

from .sight import Sight

SETTINGS = (
    "on a quiet street after rain",
    "in a wide valley at the edge of a forest",
    "in a small workshop full of tools",
    "on a rooftop above a harbor",
    "in an empty hall with tall windows",
    "by a lake with mist over the water",
    "in a garden in full bloom",
    "on a snowy mountain path",
)
LIGHTS = (
    "soft morning light from the left",
    "warm light of a low sun",
    "cool, overcast daylight",
    "a single lamp and deep shadows",
    "bright noon light with crisp shadows",
    "blue dusk with small lights in the distance",
)
VIEWS = (
    "a wide shot at eye level",
    "a close-up with shallow depth of field",
    "a low viewpoint looking up",
    "a view from above",
    "a centered, symmetrical composition",
    "a medium shot with the subject to the right",
)
STYLES = (
    "a photograph on medium-format film",
    "a watercolor on rough paper",
    "an oil painting with visible brush strokes",
    "a flat, two-color screen print",
    "a detailed 3D render",
    "an ink drawing with fine hatching",
)
IDEA = "The idea: "
MARK = "Sandbox description"


def sentence_about(system: str, user: str, sights: Sequence[Sight], digest: bytes) -> str:
    """Return an answer in the form that the system prompt wants, as far as the sandbox gets it."""
    if IDEA in user or not sights:
        return prompt_from_idea(user, sights, digest, 0)
    sight = sights[-1]
    if "You tag" in system:
        return ", ".join((*sight.colors, sight.brightness, sight.shape, *_ground(sight), "sandbox"))
    if "You answer a question" in system:
        return (
            f"The sandbox only sees that the image is {sight.width} × {sight.height} pixels, "
            f"{sight.brightness}, and mostly {_listed(sight.colors)}."
        )
    if "caption" in system:
        return (
            f"{sight.brightness.capitalize()} {sight.shape} image, {sight.width} × {sight.height}, "
            f"mostly {_listed(sight.colors)}{_on(sight)}. ({MARK} {digest.hex()[:6]})"
        )
    wish = user.partition("Pay attention to this: ")[2]
    return (
        f"A {sight.shape} composition of {sight.width} by {sight.height} pixels, mostly "
        f"{_listed(sight.colors)}{_on(sight)}, {sight.brightness}, {_pick(VIEWS, digest, 0)}, "
        f"{_pick(STYLES, digest, 1)}{', ' + wish if wish else ''}. ({MARK} {digest.hex()[:6]})"
    )


def prompt_from_idea(user: str, sights: Sequence[Sight], digest: bytes, number: int) -> str:
    """Return a prompt for the idea in a text; each number gives another one."""
    idea = (user.partition(IDEA)[2] or user).partition("\n")[0].strip().rstrip(".")
    words = [_pick(each, digest, i, number) for i, each in enumerate((SETTINGS, LIGHTS, VIEWS))]
    seen = [f"in {_listed(sight.colors)}" for sight in sights[-1:]]
    style = _pick(STYLES, digest, 3, number)
    return f"{', '.join((idea, *seen, *words, style))}. (Sandbox prompt {number + 1})"


def _pick(words: Sequence[str], digest: bytes, place: int, number: int = 0) -> str:
    return words[(digest[place] + number) % len(words)]


def _ground(sight: Sight) -> tuple[str, ...]:
    return ("transparent background",) if sight.is_transparent else ()


def _on(sight: Sight) -> str:
    return " on a transparent background" if sight.is_transparent else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
