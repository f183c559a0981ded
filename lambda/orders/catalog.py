"""What can be ordered and what it costs: a small SQL database, read-only and in memory, made at each cold start."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

# A script is no statement of a request's, and makes no span; what a cursor executes does.
database = sqlite3.connect(":memory:", check_same_thread=False)
database.executescript(Path(__file__).with_name("catalog.sql").read_text(encoding="utf-8"))


def prices(skus):
    """The price of each of these products that there is, by its sku."""
    cursor = database.cursor()
    cursor.execute(
        "SELECT sku, price_cents FROM products WHERE sku IN (SELECT value FROM json_each(?))", [json.dumps(skus)]
    )
    return {sku: Decimal(cents) / 100 for sku, cents in cursor.fetchall()}
