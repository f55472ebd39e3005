#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that the schemas refuse what they must: mutations.py SCHEMAS DOCUMENT... prints TAP.

Documents are reports, and after them platform documents, which take the place of a report's, and
what-if documents.

Every key of valid reports is taken away, made null, given another type, and joined by an unknown
one; the report schema has to refuse each of these, but for the keys named below as optional and
the places that hold anything. So has the what-if schema. Also holds the platform schema against its
copy in the report's, and what the what-if schema says of pairs against the platform schema.
"""

import copy
import json
import pathlib
import sys

import jsonschema

# May be left out; * stands for any index or key.
OPTIONAL = {
    "platform",
    "kernel.cmdline",
    "kernel.config_digest",
    "host.bios_date",
    "host.bios_vendor",
    "host.bios_version",
    "host.cpu",
    "host.memory_bytes",
    "host.product",
    "host.vendor",
    "features.*.found_by.*.detail",
    "features.*.present",
    "findings.*.scenario",
    "profile.waivers",
    "errata.*.shown_by",
    "errata.*.fixed",
    "errata.*.seen",
    "errata.*.read",
    "pairs.*.route",
    "pairs.*.predicted.distance",
    "pairs.*.predicted.reason",
    "pairs.*.predicted.verdict",
    "pairs.*.ruled.distance",
    "pairs.*.ruled.distance_errno",
    "pairs.*.ruled.map_errno",
    "pairs.*.ruled.supported",
    "pairs.*.ruled.verdict",
    "pairs.*.moved.*.by",
    "modules.*.file",
    "modules.*.parameters",
    "modules.*.srcversion",
    "modules.*.version",
    "not_undone.*.text",
    "kernel_log.*.advice",
    "kernel_log.*.reference",
    "options.budget_ns",
    "options.duration_ns",
    "options.module_dir",
    "options.rdma_device",
    "results.*.why",
    "results.*.kernel_log.*.advice",
    "results.*.kernel_log.*.reference",
    "results.*.rounds.*.duration_ns",
    "results.*.rounds.*.why",
    "results.*.child.exited",
    "results.*.child.signal",
    "results.*.child.started",
    "results.*.child.stuck",
    "results.*.deadline",
    "taint.after",
    "taint.who.*.scenario",
    "platform.source.path",
    "platform.cpu",
    "platform.cpu.vendor",
    "platform.cpu.family",
    "platform.cpu.model",
    "platform.cpu.name",
    "platform.iommu_in_use",
    "platform.kernel.release",
    "platform.kernel.cmdline",
    "platform.kernel.machine",
    "platform.kernel.rules",
    "platform.kernel.config",
    "platform.kernel.config.*",
    "platform.kernel.modules",
    "platform.host",
    "platform.host.*",
    "platform.iommu_units",
    "platform.iommu_units.*.function",
    "platform.iommu_units.*.capability",
    "platform.iommu_units.*.extended_capability",
    "platform.reserved_ranges",
    "platform.findings",
    "platform.pairs",
    "platform.pairs.*.distance",
    "platform.pairs.*.notes",
    "platform.host_bridges.*.owner",
    "platform.host_bridges.*.first",
    "platform.host_bridges.*.numa_node",
}
OPTIONAL |= {
    f"platform.functions.*.{key}"
    for key in (
        "numa_node vendor device revision subsystem_vendor subsystem_device class name driver"
        " on_root_bus physical_function max_virtual_functions virtual_functions acs.quirk"
        " iommu_group_predicted upstream multifunction secondary_bus subordinate_bus"
        " bus_master capabilities link iommu_group iommu_type maybe_virtual"
        " non_transparent_bridge iommu_unit dma_mask_bits coherent_dma_mask_bits in_d0"
        " memory_bytes command command.* bridge_control bridge_control.* windows windows.*"
        " windows.io.start windows.io.end windows.memory.start windows.memory.end"
        " windows.prefetchable.start windows.prefetchable.end express express.* errors"
        " errors.* ats ats.* pri pri.* pasid pasid.* sr_iov sr_iov.* resizable_bars"
        " resizable_bars.*.size bars.*.unassigned bars.*.disabled p2pmem acs.present"
        " acs.capability acs.control bars.*.index bars.*.start bars.*.size"
    ).split()
}
# The same of what-if documents.
WHAT_IF_OPTIONAL = {
    "kernel.cmdline",
    "kernel.release",
    "iommu_groups.unknown.*.after",
    "iommu_groups.unknown.*.before",
}
for then in ("before", "after"):
    WHAT_IF_OPTIONAL |= {f"pairs.*.{then}.distance", f"pairs.*.{then}.notes"}
    WHAT_IF_OPTIONAL.add(f"unknown_pairs.*.{then}.notes")
# Needed where an outcome says that something ran, which is not for every result.
OPTIONAL_UNLESS_RAN = {
    f"results.*.{key}" for key in ("round", "seed", "dir", "child", "duration_ns", "taint")
}
RAN = ("pass", "info", "inconclusive")
# Hold anything.
FREE = ("results.*.facts", "not_undone.*.args")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def test(self, good, title, *details):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {title}")
        if not good:
            for detail in details:
                print(f"# {detail}")


def walk(doc, path=()):
    """All places below doc, as (container, key, path with indices as *)."""
    items = doc.items() if isinstance(doc, dict) else enumerate(doc)
    for key, value in list(items):
        here = path + (key if isinstance(doc, dict) else "*",)
        yield doc, key, ".".join(here)
        if isinstance(value, (dict, list)):
            yield from walk(value, here)


def is_free(path):
    return any(path.startswith(free + ".") for free in FREE)


def another_type(value):
    return 7 if isinstance(value, (str, bool, list, dict)) else "seven"


class Mutations:
    """Mutates each place of the same name once per outcome, in place, and puts it back."""

    def __init__(self, schema, optional):
        self.validator = jsonschema.Draft202012Validator(schema)
        self.optional = optional
        self.seen = set()
        self.taken = {}
        self.tried = {}

    def refuses(self, doc):
        return next(self.validator.iter_errors(doc), None) is not None

    def expect_refused(self, kind, path, doc):
        self.tried[kind] = self.tried.get(kind, 0) + 1
        if not self.refuses(doc):
            self.taken.setdefault(kind, []).append(path)

    def mutate(self, report):
        for container, key, path in walk(report):
            outcome = container.get("outcome") if isinstance(container, dict) else None
            if (path, outcome) in self.seen or is_free(path):
                continue
            self.seen.add((path, outcome))
            value = container[key]
            for kind, other in (("null", None), ("another type", another_type(value))):
                container[key] = other
                self.expect_refused(kind, path, report)
            container[key] = value
            if isinstance(container, dict):
                self.take_away(container, key, path, report)
            if isinstance(value, dict) and path not in FREE:
                value["no_such_key"] = 1
                self.expect_refused("an unknown key", path, report)
                del value["no_such_key"]

    def take_away(self, container, key, path, report):
        if path in self.optional or path.rpartition(".")[0] + ".*" in self.optional:
            return
        if path in OPTIONAL_UNLESS_RAN and container["outcome"] not in RAN:
            return
        before = dict(container)
        del container[key]
        self.expect_refused("a missing key", path, report)
        container.clear()
        container.update(before)


def embedded(schema):
    """The platform schema as it stands in the report's, whose definitions have a prefix."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/$defs/platform.") if key == "$ref" else embedded(value)
            for key, value in schema.items()
        }
    return [embedded(value) for value in schema] if isinstance(schema, list) else schema


def edit(report, path, value):
    report = copy.deepcopy(report)
    place = report
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return report


# Every word in its place is right, and together they are not: what stands in a run that passed.
CONTRADICTIONS = [
    ("complete and interrupted", ["complete"], False),
    ("an unknown verdict", ["verdict"], "passed"),
    ("an unknown outcome", ["results", 0, "outcome"], "PASS"),
    ("a kind of error on a pass", ["results", 0, "kind"], "crash"),
    ("an error without a kind", ["results", 0, "outcome"], "error"),
    ("a pass with refuted evidence", ["results", 0, "evidence", "data", "state"], "refuted"),
    ("a pass to do again", ["results", 0, "replay"], ["p2pcert", "run"]),
    ("a round before the first", ["results", 0, "round"], 0),
    ("a level that is none", ["options", "level"], "deep"),
    ("a scenario never started that has a folder", ["results", 0, "outcome"], "notrun"),
    ("an exit status beyond signals", ["exit_status"], 255),
    ("a negative duration", ["results", 0, "duration_ns"], -1),
    ("an address in another form", ["platform", "functions", 0, "address"], "00:00.0"),
    ("a number where hexadecimal is due", ["seed"], 1),
    ("a local time", ["started"], "2026-01-31T12:00:00+01:00"),
    ("another schema", ["schema"], "p2pcert.report/2"),
]

# The same of a run whose second scenario failed in one of its rounds.
FLAKY_CONTRADICTIONS = [
    ("a failure that cannot be done again", ["results", 1, "replay"], []),
    ("a kind of error on a round that failed", ["results", 1, "rounds", 1, "kind"], "crash"),
    ("a round that broke without a kind", ["results", 1, "rounds", 0, "outcome"], "error"),
    ("rounds that are counted", ["results", 1, "rounds"], 5),
]


# The same of what-if documents.
WHAT_IF_CONTRADICTIONS = [
    ("what-if: another schema", ["schema"], "p2pcert.what-if/2"),
    ("what-if: an answer that is none", ["acs_by_default", "turned_on"], "maybe"),
    ("what-if: a remark that is none", ["remarks", 0, "code"], "no-such-remark"),
    ("what-if: control of more than a register", ["acs", 0, "after", "control"], "0x0001d"),
    ("what-if: control in another form", ["acs", 0, "before", "control"], "001d"),
    ("what-if: a change of nobody", ["pairs", 0, "initiators"], []),
    ("what-if: a verdict that is none", ["pairs", 0, "after", "verdict"], "supported"),
    ("what-if: a route that is none", ["pairs", 0, "after", "route"], "direct"),
    ("what-if: a distance below what is refused", ["pairs", 0, "before", "distance"], -2),
    ("what-if: groups that do what no groups do", ["iommu_groups", "changes", 0, "kind"], "join"),
    ("what-if: an empty group", ["iommu_groups", "changes", 0, "after", 0], []),
    ("what-if: an address in another form", ["acs", 0, "function"], "02:00.0"),
]


def check_schemas(tap, schemas):
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        refs = [c[k] for c, k, _ in walk(schema) if k == "$ref"]
        tap.test(all(r.startswith("#/$defs/") for r in refs), f"{name} schema is self-contained", refs)

    platform = embedded(schemas["platform"])
    defs = schemas["report"]["$defs"]
    whole = {key: value for key, value in platform.items() if key not in ("$schema", "$id", "$defs")}
    tap.test(defs["platform"] == whole, "report schema holds the platform schema")
    for name, value in platform["$defs"].items():
        tap.test(defs.get(f"platform.{name}") == value, f"report schema holds the platform's {name}")
    for name in ("address", "pair", "route", "verdict", "distance", "blocked_by", "notes"):
        same = schemas["what-if"]["$defs"][name] == schemas["platform"]["$defs"][name]
        tap.test(same, f"what-if schema holds the platform's {name}")


def check_contradictions(tap, mutated, original, edits):
    for title, path, value in edits:
        tap.test(mutated.refuses(edit(original, path, value)), f"refused: {title}")


def check_mutations(tap, mutated, documents, least, where=""):
    for doc in documents:
        mutated.mutate(doc)
    for kind, tried in mutated.tried.items():
        taken = mutated.taken.get(kind, [])
        tap.test(tried >= least and not taken, f"refused: {where}{kind}, in {tried} places", *taken)


def main(argv):
    folder, paths = pathlib.Path(argv[1]), argv[2:]
    schemas = {
        name: json.loads((folder / f"{name}-1.schema.json").read_text(encoding="utf-8"))
        for name in ("check", "manifest", "platform", "profile", "report", "what-if")
    }
    documents = [json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in paths]
    reports, platforms, what_ifs = (
        [doc for doc in documents if doc["schema"] == f"p2pcert.{name}/1"]
        for name in ("report", "platform", "what-if")
    )
    tap = Tap()
    check_schemas(tap, schemas)

    mutated = Mutations(schemas["report"], OPTIONAL)
    complete = next(r for r in reports if r["complete"] and "platform" in r)
    reports += [edit(complete, ["platform"], platform) for platform in platforms]
    for path, report in zip(paths, reports):
        tap.test(not mutated.refuses(report), f"{'/'.join(pathlib.Path(path).parts[-2:])} is valid")
    flaky = next(r for r in reports if any(result["flaky"] for result in r["results"]))
    check_contradictions(tap, mutated, complete, CONTRADICTIONS)
    check_contradictions(tap, mutated, flaky, FLAKY_CONTRADICTIONS)
    check_mutations(tap, mutated, reports, 40)

    mutated = Mutations(schemas["what-if"], WHAT_IF_OPTIONAL)
    check_contradictions(tap, mutated, what_ifs[0], WHAT_IF_CONTRADICTIONS)
    check_mutations(tap, mutated, what_ifs, 15, "what-if: ")
    unseen = WHAT_IF_OPTIONAL - {path for path, _ in mutated.seen}
    tap.test(not unseen, "the what-if documents have every key that may be left out", *sorted(unseen))

    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
