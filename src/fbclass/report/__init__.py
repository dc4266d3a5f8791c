"""The management report: one HTML file with findings, figures, quotes and suggested actions."""

from __future__ import annotations

from fbclass.report.render import write_report
from fbclass.report.rows import ReportRow

__all__ = ["ReportRow", "write_report"]
