"""What Prometheus is told. Labels are routes, statuses and names of ours, never anything that a client sent."""

from __future__ import annotations

import prometheus_client as prometheus
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64)
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})


class Metrics:
    """The figures of one application; tests run several in one process, so nothing is global."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        # Memory, CPU time and open files of the process.
        prometheus.ProcessCollector(registry=self.registry)
        self.requests = prometheus.Counter(
            "fbclass_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = prometheus.Histogram(
            "fbclass_request_seconds", "Time to the answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.batch_size = prometheus.Histogram(
            "fbclass_batch_comments", "Comments in one batch for the model.", buckets=_SIZES, registry=self.registry
        )
        self.waiting = prometheus.Gauge(
            "fbclass_comments_waiting", "Comments accepted and not yet classified.", registry=self.registry
        )
        self.themes = prometheus.Counter(
            "fbclass_themes", "Themes reported, by id; none for comments without.", ["theme"], registry=self.registry
        )
        self.submissions = prometheus.Counter(
            "fbclass_submissions", "Submissions taken, by what became of them.", ["outcome"], registry=self.registry
        )
        self.webhook = prometheus.Counter(
            "fbclass_webhook_attempts", "Attempts to deliver an event.", ["outcome"], registry=self.registry
        )
        self.reloads = prometheus.Counter(
            "fbclass_model_reloads", "Attempts to change the model.", ["outcome"], registry=self.registry
        )
        self.model = prometheus.Gauge(
            "fbclass_model", "1 for the model that answers.", ["model"], registry=self.registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self.requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def set_model(self, name: str) -> None:
        """Another model answers."""
        self.model.clear()
        self.model.labels(name).set(1)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return prometheus.generate_latest(self.registry)
