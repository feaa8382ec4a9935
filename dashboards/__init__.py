"""The Grafana dashboards of engmetrics as Python.

One file per dashboard, with one function under `@REGISTRY.dashboard(...)`. `python -m dashboards build`
writes the JSON that Grafana reads; the JSON is committed and `build --check` tells whether it is up to date.
"""
