"""Name and write image files. Never overwrite a file unless told to."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InvalidRequestError, MaybeChargedError
from ..files import SHARED, check_folder, make_temporary_folder, write_atomic, write_new
from ..imaging.images import EncodedImage

FORMATS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}
"""The format of each extension."""

EXTENSIONS = {"jpeg": ".jpg"}
"""The extension of each format with another name."""

STEM = "{stem}"
"""In a file name, the placeholder for the name of the source image."""

MAX_WINDOWS_PATH = 259
LONGER = 5
"""The most characters of a path on Windows, and the reserve for a longer number or extension."""

_RESERVED = re.compile(r"CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]", re.IGNORECASE)


class NotWrittenError(MaybeChargedError):
    """A paid image could not be written."""


@dataclass(frozen=True)
class TextFile:
    """A text to write as a file."""

    data: bytes
    format: str = "txt"


@dataclass(frozen=True)
class Target:
    """The place for images: `folder/stem` with `extension`, which is "" if none was given."""

    folder: Path
    stem: str
    extension: str

    @property
    def format(self) -> str | None:
        """The format of the extension, or None without one."""
        return FORMATS.get(self.extension.lower())

    def of(self, stem: str) -> Target:
        """The same with `stem` in place of STEM."""
        return replace(self, stem=self.stem.replace(STEM, stem))

    def path(self, number: int | None, format: str) -> Path:
        """The file of image `number` (None: without a number) in `format`."""
        right = self.extension if self.format == format else EXTENSIONS.get(format, f".{format}")
        end = "" if number is None else f"-{number}"
        return self.folder / f"{self.stem}{end}{right}"

    def first_number(self, count: int, force: bool, format: str | None = None) -> int | None:
        """The number of the first of `count` images: None for a single one whose name is free.

        Otherwise the numbers go on after the highest that is taken, or with `force` from 1.
        format: of the images, if it isn't that of the extension. Raises InvalidRequestError if no
        file can have the longest of their names.
        """
        format = format or self.format or "png"
        first = self._first_number(count, force, format)
        last = None if first is None else first + count - 1
        path = self.path(last, format)
        try:
            _look_at(path)
            if sys.platform == "win32" and (why := too_long_for_windows(path)):
                raise OSError(errno.ENAMETOOLONG, why)
        except OSError as error:
            raise InvalidRequestError(
                f"{path} can't be written ({error.strerror}). Choose another name with -o."
            ) from None
        return first

    def _first_number(self, count: int, force: bool, format: str) -> int | None:
        if force:
            return None if count == 1 else 1
        taken = self._taken()
        if count == 1 and (None, self.path(None, format).suffix.lower()) not in taken:
            return None
        return 1 + max((number for number, _ in taken if number is not None), default=0)

    def _taken(self) -> set[tuple[int | None, str]]:
        """Number (None for the one without) and extension of this stem's images in the folder."""
        pattern = re.compile(re.escape(self.stem) + r"(?:-(\d+))?(\.\w+)", re.IGNORECASE)
        names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        found = [match for name in names if (match := pattern.fullmatch(name))]
        pairs = ((int(m[1]) if m[1] else None, m[2].lower()) for m in found)
        return {(number, extension) for number, extension in pairs if extension in FORMATS}


def path_from(text: str) -> Path:
    """Return the path that a person typed, with `~` for the home folder.

    Raises InvalidRequestError if the system can't even look at it.
    """
    try:
        path = Path(text).expanduser()
        _look_at(path)
    except RuntimeError:
        raise InvalidRequestError(f"{text}: there is no such user.") from None
    except OSError as error:
        raise InvalidRequestError(f"{text} can't be used ({error.strerror}).") from None
    return path


def _look_at(path: Path) -> None:
    """Raise OSError if no file can have this path, for example with a name that is too long."""
    if sys.platform == "win32" and (why := forbidden_on_windows(path)):
        raise OSError(errno.EINVAL, why)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.lstat()


def forbidden_on_windows(path: Path) -> str:
    """Return why Windows takes a path for something other than a file, or ""."""
    for name in path.parts[1 if path.anchor else 0 :]:
        if ":" in name:
            return 'a name can\'t contain ":" on Windows'
        if _RESERVED.fullmatch(name.partition(".")[0].rstrip(" ")):
            return f"Windows reserves the name {name}"
    return ""


def too_long_for_windows(path: Path) -> str:
    """Return why a path is too long for Windows, or ""."""
    length = len(os.fspath(path.absolute()))
    if length <= MAX_WINDOWS_PATH - LONGER:
        return ""
    return f"its {length} characters are too many for Windows"


def parse_target(text: str | None, stem: str) -> Target:
    """The target that -o says: a file if its name has an image extension or STEM, else a folder.

    stem: of the files in a folder; without -o, in the current one. Raises InvalidRequestError for
    an extension of another kind.
    """
    if text is None:
        return Target(Path(), stem, "")
    path = path_from(text)
    if text == "-" or (path.exists() and not (path.is_file() or path.is_dir())):
        raise InvalidRequestError(f"-o {text}: images go to files. Name a file or a folder.")
    extension = path.suffix
    is_folder = text.endswith(("/", os.sep)) or path.is_dir()
    if not is_folder and extension.lower() in FORMATS:
        return Target(path.parent, path.stem, extension)
    if not is_folder and extension[1:].isalpha():
        raise InvalidRequestError(
            f"-o {text}: {extension} isn't an image format here. Use {', '.join(FORMATS)}, or end "
            "a folder with /."
        )
    if not is_folder and STEM in path.name:
        return Target(path.parent, path.name, "")
    return Target(path, stem, "")


def prepare_folder(folder: Path) -> None:
    """Create the folder, and check that files can be written there. Raises InvalidRequestError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_folder(folder)
    except OSError as error:
        raise InvalidRequestError(
            f"{_shown(folder)} can't be written to ({error.strerror}). Choose another place with "
            "-o."
        ) from None


def _shown(folder: Path) -> str:
    return "The current folder" if folder == Path() else str(folder)


def write_image(
    target: Target,
    number: int | None,
    image: EncodedImage | TextFile,
    force: bool,
    is_cached: bool = True,
) -> Path:
    """Write the bytes as they are, with the extension of their format, and return the path.

    If the name is taken by now, use the next number. is_cached: whether the image is saved.
    Raises NotWrittenError, which says where the image is.
    """
    while True:
        path = target.path(number, image.format)
        try:
            _write(path, image.data, force)
            return path
        except FileExistsError:
            number = (number or 0) + 1
        except OSError as error:
            raise NotWrittenError(
                f"{path} can't be written ({error.strerror}), and you paid for its image. "
                + (_FROM_STORE if is_cached else _set_down(path.name, image.data))
            ) from None


_FROM_STORE = (
    "The image is saved: free up disk space, or choose another place, and get it for free with "
    "`results -o FOLDER` or the same command."
)


def _set_down(name: str, data: bytes) -> str:
    """Write an image that isn't saved to a temporary folder, and say where."""
    try:
        path = make_temporary_folder() / name
        write_new(path, data, prefix=".venice-")
    except OSError:
        return "It can't be saved anywhere else. Free up disk space before you pay for it again."
    return f"It is only in {path} now: move it to a safe place."


def _write(path: Path, data: bytes, force: bool) -> None:
    """Write a file whole or not at all. Raises OSError."""
    if force:
        write_atomic(path, data, prefix=".venice-", mode=SHARED)
    else:
        write_new(path, data, prefix=".venice-")
