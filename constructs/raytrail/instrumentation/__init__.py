"""One call that instruments what the user already has, and says where traces, metrics and errors go."""

from raytrail.instrumentation._functions import Instrumentation, instrument_lambda
from raytrail.instrumentation._manual import add_collector
from raytrail.instrumentation._model_collector import CollectorConfig
from raytrail.instrumentation._model_errors import Rollbar
from raytrail.instrumentation._model_exporters import CloudWatchMetrics, Exporter, Honeycomb, Otlp, Prometheus, XRay
from raytrail.instrumentation._model_images import RUNTIME_FOLDER, image_instructions
from raytrail.instrumentation._model_layers import adot_layer_arn, collector_layer_arn, python_layer_arn
from raytrail.instrumentation._model_secrets import SecretField

__all__ = [
    "RUNTIME_FOLDER",
    "CloudWatchMetrics",
    "CollectorConfig",
    "Exporter",
    "Honeycomb",
    "Instrumentation",
    "Otlp",
    "Prometheus",
    "Rollbar",
    "SecretField",
    "XRay",
    "add_collector",
    "adot_layer_arn",
    "collector_layer_arn",
    "image_instructions",
    "instrument_lambda",
    "python_layer_arn",
]
