-- title: Error rate by service
-- question: Which services answered with errors in the days given, and in what share of their calls?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07

WITH calls AS (
  -- A file can be delivered twice: one row for each event.
  SELECT eventid, max(eventsource) AS eventsource, max(errorcode) AS errorcode
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${from} AND ${to}
  GROUP BY eventid
)
SELECT
  eventsource,
  count(*) AS calls,
  count(errorcode) AS errors,
  round(100 * CAST(count(errorcode) AS double) / count(*), 2) AS error_percent,
  count(DISTINCT errorcode) AS kinds
FROM calls
GROUP BY eventsource
ORDER BY error_percent DESC, errors DESC, eventsource
