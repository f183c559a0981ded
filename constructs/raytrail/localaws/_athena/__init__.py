"""Athena: the API runs the SQL that it is given, over the tables of Glue and the objects of S3.

What it does:

* ``StartQueryExecution`` parses Trino's SQL, refuses what Athena refuses, resolves tables in the Glue catalog,
  prunes partitions by the WHERE clause, reads the objects of what is left, computes the answer (in DuckDB) and writes
  it to the workgroup's location. ``GetQueryResults`` gives Athena's types, pages and spelling of values.
* Partition projection with enum, integer, date and injected keys, and ``storage.location.template``; tables with
  registered partitions, or none, are read by their locations.
* ``DataScannedInBytes`` is the sum of the stored sizes of the objects read, and the workgroup's cutoff cancels by it.
* ``AWS::Athena::NamedQuery``, and workgroups that are only deleted when they are empty, or with all in them.

What it is held against: the examples in the documentation of Athena (queries over CloudTrail logs) and of Trino (each
function that a query may call), an independent Trino grammar (dt-sql-parser), an independent reader of the same files
in plain Python, real CloudTrail records, and botocore's response shapes.

What is known to differ from AWS:

* A statement other than SELECT, CREATE EXTERNAL TABLE and DROP TABLE is refused: no CTAS, INSERT, UNLOAD, views, SHOW.
* Only tables in JSON (Hive's or OpenX's SerDe, CloudTrail's input format), plain or gzip, are read.
* Functions outside the table in ``_functions`` are refused, though Trino has more.
* Types are checked in comparisons only, so some statements run here that Athena ends with TYPE_MISMATCH.
* LIMIT does not end a scan early, and a CTE that is used twice is read once.
* A subscript out of range gives NULL instead of an error; regular expressions are RE2's, without lookaround.
* Errors name Athena's codes; the wording after the code is Athena's only where its documentation prints it.
* No result reuse, no encryption of results, no metrics, no events of a query's state.
"""

from __future__ import annotations

import logging

from raytrail.localaws._athena._execution import Executions
from raytrail.localaws._athena._named_queries import extend_named_queries
from raytrail.localaws._athena._workgroups import extend_workgroups
from raytrail.localaws._hooks import wrap
from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
    # It reports each statement that it cannot parse; the caller gets that as an error.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    executions = Executions(world.config.folder / "tmp")
    wrap("ministack.services.athena:_start_query_execution", lambda _: executions.start)
    wrap("ministack.services.athena:_get_query_results", lambda _: executions.results)
    extend_workgroups()
    extend_named_queries()
