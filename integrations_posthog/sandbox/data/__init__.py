"""The data of a project, which can change, and be asked as they were."""

from .project import Event, ProjectData
from .store import Store

__all__ = ["Event", "ProjectData", "Store"]
