"""Reads what a pipeline tells others: telemetry.py TEXTFILE EVENTS; prints the gauges and the events as one JSON object."""

import json
import sys
from pathlib import Path

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import error_message_run, input_statistics_input_dataset, job_type_job, nominal_time_run
from openlineage.client.generated import output_statistics_output_dataset
from prometheus_client.parser import text_string_to_metric_families

FACETS = {
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def facets(said):
    """Facets as the types of the specification, which refuse other keys."""
    read = {}
    for name, facet in said.items():
        content = {key: value for key, value in facet.items() if not key.startswith("_")}
        read[name] = FACETS[name](**content)
        schema = read[name]._get_schema().split("#")[0]
        assert facet["_schemaURL"] == schema, (facet["_schemaURL"], schema)
        assert facet["_producer"].startswith("https://")
    return read


def event(line):
    said = json.loads(line)
    assert said["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    run, job = said["run"], said["job"]
    RunEvent(
        eventType=RunState(said["eventType"]),
        eventTime=said["eventTime"],
        run=Run(runId=run["runId"], facets=facets(run["facets"])),
        job=Job(namespace=job["namespace"], name=job["name"], facets=facets(job["facets"])),
        producer=said["producer"],
        inputs=[InputDataset(d["namespace"], d["name"], inputFacets=facets(d["inputFacets"])) for d in said["inputs"]],
        outputs=[OutputDataset(d["namespace"], d["name"], outputFacets=facets(d["outputFacets"])) for d in said["outputs"]],
    )
    return said


textfile, events = map(Path, sys.argv[1:])
gauges = {}
for family in text_string_to_metric_families(textfile.read_text()):
    assert family.type == "gauge" and family.documentation
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "pipeline")
        gauges[f"{sample.name}{{{labels}}}"] = sample.value
        assert sample.labels["pipeline"]
print(json.dumps({"gauges": gauges, "events": [event(line) for line in events.read_text().splitlines()]}))
