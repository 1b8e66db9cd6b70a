"""Histories of events: what the project 12345 is filled with."""

from .benchmark import BenchmarkWorld
from .planted import PlantedWorld
from .product import ProductWorld
from .random_world import RandomWorld
from .small import SmallWorld
from .world import World

__all__ = ["BenchmarkWorld", "PlantedWorld", "ProductWorld", "RandomWorld", "SmallWorld", "World"]
