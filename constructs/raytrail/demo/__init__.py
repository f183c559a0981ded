"""The evidence that the kit works: exercised and read back through boto3, on the embedded AWS or a real account."""

from raytrail.demo._collect import HARMLESS, INTRUSIVE, Scene
from raytrail.demo._evidence import Evidence, Missing
from raytrail.demo._run import LOCAL_ROWS, LocalDemo, Report, Show, prepare, prove
from raytrail.demo._target import Target

__all__ = [
    "HARMLESS",
    "INTRUSIVE",
    "LOCAL_ROWS",
    "Evidence",
    "LocalDemo",
    "Missing",
    "Report",
    "Scene",
    "Show",
    "Target",
    "prepare",
    "prove",
]
