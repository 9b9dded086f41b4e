"""Checks answers against the JSON Schemas of the same name, and the pipeline files against theirs: schemas.py SCHEMAS ANSWERS PIPELINES."""

import json
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft202012Validator

schemas, answers, pipelines = map(Path, sys.argv[1:])
faults = []
checked = 0
for path in sorted(answers.glob("*.json")):
    schema = json.loads((schemas / path.name).read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    answer = json.loads(path.read_text())
    faults += [f"{path.name}: {fault.json_path}: {fault.message}" for fault in validator.iter_errors(answer)]
    # A schema that allowed anything would say nothing.
    if not list(validator.iter_errors({})):
        faults.append(f"{path.name}: the schema takes an empty answer")
    checked += 1
schema = Draft202012Validator(json.loads((schemas / "pipeline.json").read_text()))
for path in sorted(pipelines.glob("*.toml")):
    pipeline = tomllib.loads(path.read_text())
    faults += [f"{path.name}: {fault.json_path}: {fault.message}" for fault in schema.iter_errors(pipeline)]
    for wrong in ({"shard": 2}, {"shards": 0}, {"as_of": "tomorrow"}, {"reports": [{"hmtl": "page.html"}]}, {"retention": {}}):
        if not list(schema.iter_errors(pipeline | wrong)):
            faults.append(f"{path.name}: the schema takes {wrong}")
    checked += 1
print("\n".join(faults) or f"{checked} answers are what their schemas say")
sys.exit(bool(faults) or checked == 0)
