"""Reads a page of OpenMetrics with the parser of Prometheus' own client library, which refuses what the specification forbids.
Prints each exemplar's sample and trace id, then the number of samples."""

import sys

from prometheus_client.openmetrics.parser import text_fd_to_metric_families

count = 0
with open(sys.argv[1], encoding="utf-8") as page:
    for family in text_fd_to_metric_families(page):
        for sample in family.samples:
            count += 1
            if sample.exemplar:
                print(sample.name, sample.labels["le"], sample.exemplar.labels["trace_id"], sample.exemplar.value)
print(count)
