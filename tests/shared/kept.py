"""A record that made-up results are said to come from."""

from vaedyn.model.records import Source

PROVENANCE = {"key": "abc", "reused": False, "path": "abc.h5", "params": {"beta": 1.5}}
SOURCE = Source(**PROVENANCE)
