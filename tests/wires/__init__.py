"""Tests of the HTTP side: the grammar, both Grafana wires, the export and the pages for operation."""
