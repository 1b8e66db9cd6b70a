from .client import PostHogWorkspaceClient

__all__ = ["PostHogWorkspaceClient"]
