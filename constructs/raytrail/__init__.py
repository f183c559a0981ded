"""Observability and audit for an AWS account, as AWS CDK v2 constructs.

Import from the rooms: ``raytrail.tracing``, ``raytrail.instrumentation``, ``raytrail.audit``,
``raytrail.detection``, ``raytrail.alerting``, ``raytrail.dashboards``, ``raytrail.logs``.
"""
