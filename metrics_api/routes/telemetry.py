"""What /metrics shows: requests by route, targets evaluated, and the state of the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from metrics_api.evaluate import Evaluator

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The counters of one application, in a registry of their own."""

    def __init__(self, evaluator: Evaluator, clock: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Histogram(
            "engmetrics_request_seconds",
            "Seconds per request.",
            labels,
            registry=self._registry,
            buckets=SECONDS,
        )
        self._targets = Counter(
            "engmetrics_targets", "Targets asked for, by outcome.", ("outcome",), registry=self._registry
        )
        self._registry.register(_Frames(evaluator, clock))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is a route's pattern, so that there are few of them."""
        self._requests.labels(route, method, str(status)).observe(seconds)

    def evaluated(self, answered: int, skipped: int) -> None:
        """Count the targets of one evaluation."""
        self._targets.labels("answered").inc(answered)
        self._targets.labels("skipped").inc(skipped)

    def page(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Frames(Collector):
    def __init__(self, evaluator: Evaluator, clock: Callable[[], float]) -> None:
        self._evaluator, self._clock = evaluator, clock

    def collect(self) -> Iterable[GaugeMetricFamily]:
        rows = GaugeMetricFamily("engmetrics_frame_rows", "Rows held in memory.", labels=("topic",))
        age = GaugeMetricFamily(
            "engmetrics_frame_age_seconds", "Seconds since the frame was compared.", labels=("topic",)
        )
        now = self._clock()
        for state in self._evaluator.frame_states():
            rows.add_metric([state.topic], state.rows)
            if state.refreshed_at is not None:
                age.add_metric([state.topic], now - state.refreshed_at)
        return [rows, age]
