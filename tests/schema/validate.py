#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds documents against a schema with a validator that is not p2pcert's own.

validate.py SCHEMA FILE...: one line on standard output for each place that is invalid. Exit status
0: all are valid; 1: some are not; 2: usage, or a file that is not JSON.
"""

import json
import sys

import jsonschema


def fail(text):
    print(f"validate.py: {text}", file=sys.stderr)
    sys.exit(2)


def unique(pairs):
    """No key twice: which of them counts would depend on the reader."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has a key twice")
    return result


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f, object_pairs_hook=unique, parse_constant=no_constant)
    except (OSError, ValueError) as e:
        return fail(f"cannot read '{path}': {e}")


def causes(error):
    """The places that are wrong, rather than the alternative that none of them fits."""
    if not error.context:
        return [error]
    return [cause for inner in error.context for cause in causes(inner)]


def main(argv):
    if len(argv) < 3:
        fail("usage: validate.py SCHEMA FILE...")
    schema = load(argv[1])
    validator_class = jsonschema.validators.validator_for(schema, default=None)
    if validator_class is not jsonschema.Draft202012Validator:
        fail(f"'{argv[1]}' is no draft 2020-12 schema")
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    invalid = 0
    for path in argv[2:]:
        lines = {
            f"{path}: {cause.json_path}: {cause.message}"
            for error in validator.iter_errors(load(path))
            for cause in causes(error)
        }
        for line in sorted(lines):
            print(line if len(line) <= 500 else line[:497] + "...")
        invalid += bool(lines)
    return 1 if invalid else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
