"""Names and writes files of pictures. A file that exists is not overwritten unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidRequestError, MaybeChargedError
from ..files import SHARED, check_folder, make_temporary_folder, write_atomic, write_new
from ..imaging.images import EncodedImage

FORMATS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}
"""The format that each extension stands for."""

EXTENSIONS = {"jpeg": ".jpg"}
"""The extension of each format that has another name."""

DEFAULT_STEM = "venice"

MAX_WINDOWS_PATH = 259
LONGER = 5
"""Characters of a path on Windows, and how many are left for a longer number or extension."""

_RESERVED = re.compile(r"CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]", re.IGNORECASE)


class NotWrittenError(MaybeChargedError):
    """A picture that was paid for could not be written."""


@dataclass(frozen=True)
class Target:
    """The target of pictures: `folder/stem` with `extension`, which is "" where none was given."""

    folder: Path
    stem: str
    extension: str

    @property
    def format(self) -> str | None:
        """The format that the extension stands for, or None without one."""
        return FORMATS.get(self.extension.lower())

    def path(self, number: int | None, format: str) -> Path:
        """The file of picture `number` (None: without a number) in `format`."""
        right = self.extension if self.format == format else EXTENSIONS.get(format, f".{format}")
        end = "" if number is None else f"-{number}"
        return self.folder / f"{self.stem}{end}{right}"

    def first_number(self, count: int, force: bool, format: str | None = None) -> int | None:
        """The number of the first of `count` pictures: None for a single one whose name is free.

        Otherwise the numbers go on after the highest one that is taken, or with `force` from 1.
        format: of the pictures, where it is not that of the extension. Raises InvalidRequestError
        where no file can have the longest of their names, before anything is paid for.
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
                f"{path} cannot be written ({error.strerror}): choose another name with -o."
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
        """Number (None for the one without) and extension of this stem's pictures in the folder."""
        pattern = re.compile(re.escape(self.stem) + r"(?:-(\d+))?(\.\w+)", re.IGNORECASE)
        names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        found = [match for name in names if (match := pattern.fullmatch(name))]
        pairs = ((int(m[1]) if m[1] else None, m[2].lower()) for m in found)
        return {(number, extension) for number, extension in pairs if extension in FORMATS}


def path_from(text: str) -> Path:
    """The path that a person typed, with `~` for the home folder.

    Raises InvalidRequestError for one that the system cannot so much as look at.
    """
    try:
        path = Path(text).expanduser()
        _look_at(path)
    except RuntimeError:
        raise InvalidRequestError(f"{text} cannot be used: no such user has a home here.") from None
    except OSError as error:
        raise InvalidRequestError(f"{text} cannot be used ({error.strerror}).") from None
    return path


def _look_at(path: Path) -> None:
    """Raises OSError where no file can have this path, such as a name that is too long."""
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


def parse_target(text: str, stem: str = DEFAULT_STEM) -> Target:
    """A target from what -o says: a file, or a folder (one that exists, or ends in a slash).

    stem: of the files in a folder.

    Raises InvalidRequestError for an extension that stands for no format.
    """
    path = path_from(text)
    if text == "-" or (path.exists() and not (path.is_file() or path.is_dir())):
        raise InvalidRequestError(f"-o {text}: pictures go to files: name one, or a folder.")
    if text.endswith(("/", os.sep)) or path.is_dir():
        return Target(path, stem, "")
    extension = path.suffix
    if extension and extension.lower() not in FORMATS:
        raise InvalidRequestError(
            f"-o {text}: {extension} is not a format of pictures here. Use "
            f"{', '.join(FORMATS)}, or no extension."
        )
    return Target(path.parent, path.stem if extension else path.name, extension)


def prepare_folder(folder: Path) -> None:
    """Makes the folder, and sees that it can be written to, before anything is paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_folder(folder)
    except OSError as error:
        raise InvalidRequestError(
            f"Nothing can be written to {folder} ({error.strerror}): choose another place with -o."
        ) from None


def write_image(
    target: Target, number: int | None, image: EncodedImage, force: bool, is_kept: bool = True
) -> Path:
    """Writes the bytes as they are, under the extension of what they are, and returns the path.

    A name that was taken in the meantime gives way to the next number. is_kept: whether the store
    has the picture. Raises NotWrittenError, which says where the picture is to be had.
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
                f"{path} could not be written ({error.strerror}), and its picture was paid for. "
                + (_FROM_STORE if is_kept else _set_down(path.name, image.data))
            ) from None


_FROM_STORE = (
    "It is kept: make room, or choose another place, and `results -o FOLDER` saves it, free, as "
    "does asking again (a prompt with the same seed)."
)


def _set_down(name: str, data: bytes) -> str:
    """Writes what is kept nowhere to a folder for temporary files; says where it is, if it is."""
    try:
        path = make_temporary_folder() / name
        write_new(path, data, prefix=".venice-")
    except OSError:
        return "It could be kept nowhere else, so asking again is paid for again: make room first."
    return f"It is in {path} for now, and is kept nowhere else: move it to a safe place."


def _write(path: Path, data: bytes, force: bool) -> None:
    """Writes a file whole or not at all. Raises OSError."""
    if force:
        write_atomic(path, data, prefix=".venice-", mode=SHARED)
    else:
        write_new(path, data, prefix=".venice-")
