"""A local stand-in for the Venice image API: free, for trying without a key and for tests.

It listens on 127.0.0.1, checks requests as strictly as the API, draws images that show what you
sent, and counts what Venice would have charged. It sends nothing to anyone.

It is stricter than the API where the API silently drops what a client sent: a `resolution`,
`aspect_ratio` or `quality` that the model doesn't offer is always a 400. It fetches no image by
URL. Background removal takes up to 40 million pixels.
"""

from .account import Charge
from .server import Sandbox

__all__ = ["Charge", "Sandbox"]
