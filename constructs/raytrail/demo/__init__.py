"""The evidence that the kit works: exercised and read back through boto3, on the embedded AWS or a real account."""

from raytrail.demo._evidence import Evidence, Missing
from raytrail.demo._report import Report
from raytrail.demo._run import LOCAL_ROWS, LocalDemo, Show, prepare, prove
from raytrail.demo._scene import Collector, Scene
from raytrail.demo._target import Target
from raytrail.demo.rows import HARMLESS, INTRUSIVE

__all__ = [
    "HARMLESS",
    "INTRUSIVE",
    "LOCAL_ROWS",
    "Collector",
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
