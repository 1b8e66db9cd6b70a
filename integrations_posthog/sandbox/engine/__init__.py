"""HogQL on DuckDB: a query's syntax tree becomes SQL, and the answer what PostHog would send."""

from .run import Readable, Table, run
from .scans import Scan, scanned
from .strings import MACROS

__all__ = ["MACROS", "Readable", "Scan", "Table", "run", "scanned"]
