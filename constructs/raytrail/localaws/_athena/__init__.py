"""Athena: the API runs the SQL that it is given, over the tables of Glue and the objects of S3.

What it does:

* ``StartQueryExecution`` parses Trino's SQL, refuses what Athena refuses, resolves tables in the Glue catalog,
  prunes partitions by the WHERE clause, reads the objects of what is left, computes the answer (in DuckDB) and writes
  it to the workgroup's location. ``GetQueryResults`` gives Athena's types, pages and spelling of values.
* Views (``VIRTUAL_VIEW`` with Presto's text, as Athena keeps them) stand for their statements. Predicates reach the
  partitions through subqueries, views, windows and groupings, by the rule of Trino's planner.
* Execution parameters: a constant for each question mark, in the order of the text.
* Partition projection with enum, integer, date and injected keys, and ``storage.location.template``; tables with
  registered partitions, or none, are read by their locations.
* ``DataScannedInBytes`` is the sum of the stored sizes of the objects read, and the workgroup's cutoff cancels by it.
* Rows are loaded some at a time, and only the columns that the statement needs; DuckDB holds 400 MB, the rest is on
  disk. A scan can leave out files that cannot be read and name them, which Athena does not (see ``_source``).
* ``AWS::Athena::NamedQuery``, and workgroups that are only deleted when they are empty, or with all in them.

What it is held against: the examples in the documentation of Athena (queries over CloudTrail logs) and of Trino (each
function that a query may call), an independent Trino grammar (dt-sql-parser), an independent reader of the same files
in plain Python, real CloudTrail records, and botocore's response shapes.

What is known to differ from AWS:

* A statement other than SELECT, CREATE EXTERNAL TABLE and DROP TABLE is refused: no CTAS, INSERT, UNLOAD, CREATE
  VIEW (make one in Glue), SHOW, PREPARE.
* A stale view is known by the names of its columns, not by their types.
* A predicate that sqlglot cannot follow inward, as into a WITH clause that is named twice, prunes nothing: more is read
  than by Athena, never less.
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
