"""ComfyUI's door. It does next to nothing at import."""

from functools import partial
from pathlib import Path

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from .venice_client.for_nodes import accept_any_letter, end_gently
from .venice_nodes.page.routes import Page, other_copy
from .venice_nodes.run.comfyui import add_routes, before_queueing
from .venice_nodes.run.saved_metadata import make_room

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]

WEB_DIRECTORY: str | None = "./web"

if other_copy(Path(__file__).parent):
    NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS, WEB_DIRECTORY = {}, {}, None
else:
    end_gently()
    accept_any_letter()
    add_routes(Page(NODE_CLASS_MAPPINGS).routes())
    before_queueing(partial(make_room, nodes=NODE_CLASS_MAPPINGS))
