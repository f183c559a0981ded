"""What Athena bills for a query."""

from __future__ import annotations

USD_PER_TB = 5.0
PRICE_REGION = "us-east-1"
PRICE_DATE = "2026-11-22"
MEGABYTE = 1000**2
LEAST_BYTES = 10 * MEGABYTE
"""Bytes are rounded up to a megabyte, and a query counts as 10 of them at least (https://aws.amazon.com/athena/pricing/)."""


def cost_usd(scanned_bytes: int) -> float:
    """US dollars for one query at the price of us-east-1, with a terabyte of 1,000,000 MB."""
    megabytes = -(-max(scanned_bytes, LEAST_BYTES) // MEGABYTE)
    return megabytes * USD_PER_TB / 1_000_000


def cost_line(scanned_bytes: int) -> str:
    """What was read and what that costs, in words."""
    return (
        f"{size(scanned_bytes)} read: {cost_usd(scanned_bytes):.5f} USD at {USD_PER_TB:.2f} USD a TB, 10 MB at least "
        f"({PRICE_REGION}, {PRICE_DATE})"
    )


def size(count: int) -> str:
    """A number of bytes as one says it."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
