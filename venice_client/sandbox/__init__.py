"""A local stand-in for the Venice image API, for trying without a key and for tests.

It listens on 127.0.0.1, is as strict as the API, draws pictures that show what was asked, counts
what it would have charged, and commits faults on request. It costs nothing and asks nobody.
"""

from .faults import Fault
from .ledger import Charge, RecordedRequest
from .server import Sandbox

__all__ = ["Charge", "Fault", "RecordedRequest", "Sandbox"]
