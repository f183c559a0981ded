"""What runs inside an instrumented function beside AWS's distribution of OpenTelemetry.

``exporters`` sends spans and metrics to partners by OTLP, ``errors`` sends errors to Rollbar, and ``entry`` is the
handler of a function whose errors are reported without a change to its code. Keys come from Secrets Manager, when
they are first needed. Whatever fails here costs the request a bounded time and a line in the log, never its answer.

It is a Lambda layer of its own: it knows the standard library, boto3 and the OpenTelemetry packages of the ADOT
layer, and runs on Python 3.10 and later.
"""
