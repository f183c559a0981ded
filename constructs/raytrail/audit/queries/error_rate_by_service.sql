-- title: Error rate by service
-- question: Which services answered with errors in the last 7 days, and in what share of their calls?

WITH calls AS (
  -- A file can be delivered twice: one row for each event.
  SELECT eventid, max(eventsource) AS eventsource, max(errorcode) AS errorcode
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
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
