"""Ways to spoil a record's file, or to make it look older."""

import hashlib
import json

from vaedyn.store.key import DIGITS, canonical
from vaedyn.store.seal import LENGTH


def without_seal(content):
    """Return a file as the first version wrote it: zeros where the SHA-256 stands now."""
    line = content.index(b"\n") + 1
    return content[:line] + bytes(LENGTH) + content[line + LENGTH :]


def of_schema(path, schema):
    """Write, beside a record, the same of another schema, and return its path."""
    content = path.read_bytes()
    label = json.loads(content.partition(b"\n")[0])
    text = canonical({"kind": label["kind"], "params": label["params"], "schema": schema})
    key = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    content = content.replace(b'"schema": 1,', b'"schema": %d,' % schema)
    other = path.with_name(path.name.replace(label["key"], key))
    other.write_bytes(content.replace(label["key"].encode(), key.encode()))
    return other
