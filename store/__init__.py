"""A folder of computed results, found again by their parameters.

It knows nothing of the computations: give it a kind, parameters and a function,
and it hands back what the function returned, now or earlier.
"""

from .key import SCHEMA, key_of
from .record import DamagedRecordError, OtherSchemaError, Record, StoreError
from .results import ResultStore

__all__ = [
    "SCHEMA",
    "DamagedRecordError",
    "OtherSchemaError",
    "Record",
    "ResultStore",
    "StoreError",
    "key_of",
]
