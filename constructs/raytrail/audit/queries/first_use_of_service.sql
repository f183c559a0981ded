-- title: First use of a service
-- question: Which services did an actor call in the days given for the first time since the history begins?
-- parameter: since (day): first day of the history to compare with, such as 2026/08/01
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1526

WITH services AS (
  SELECT
    coalesce(
      useridentity.sessioncontext.sessionissuer.arn,
      useridentity.arn,
      useridentity.invokedby,
      useridentity.accountid,
      'unknown'
    ) AS actor,
    eventsource,
    min("timestamp") AS first_day,
    min(eventtime) AS first_used,
    count(DISTINCT eventid) AS calls
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${since} AND ${to}
  GROUP BY 1, 2
),
known AS (
  -- An actor that is new itself uses every service for the first time.
  SELECT
    *,
    min(first_day) OVER (PARTITION BY actor) AS actor_since
  FROM services
)
SELECT
  actor,
  actor_since,
  eventsource,
  first_used,
  calls
FROM known
WHERE first_day >= ${from}
ORDER BY first_used DESC, actor, eventsource
