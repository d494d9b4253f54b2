"""A local stand-in for the Venice image API, for trying without a key and for tests.

It listens on 127.0.0.1, is as strict as the API, draws images that show what was asked, and counts
what it would have charged. It costs nothing and asks nobody.

In some points it is stricter, so that a client which relies on what the API drops without a word is
found out: a `resolution`, `aspect_ratio` or `quality` that the model does not offer is a 400
everywhere; an image given by address is refused (nothing is fetched); background removal takes 40
million pixels, and a form 160 MB in all.
"""

from .form import UploadedFile
from .ledger import Charge, RecordedRequest
from .server import Sandbox

__all__ = ["Charge", "RecordedRequest", "Sandbox", "UploadedFile"]
