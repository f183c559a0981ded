"""One call that instruments what the user already has."""

from raytrail.instrumentation._functions import instrument_lambda
from raytrail.instrumentation._model_layers import python_layer_arn

__all__ = ["instrument_lambda", "python_layer_arn"]
