from .connection import PosthogConnectionEvent, PosthogWorkspaceConfig

__all__ = ["PosthogConnectionEvent", "PosthogWorkspaceConfig"]
