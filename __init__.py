"""ComfyUI's door. No work at import, but for what the process must know before it ends."""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from .venice_client import accept_any_letter, end_gently

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]

end_gently()
accept_any_letter()
