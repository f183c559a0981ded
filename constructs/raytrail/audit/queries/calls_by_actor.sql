-- title: Who called which API
-- question: Who called which API operation in the days given, and how often?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07

SELECT
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  useridentity.type AS identity,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT CASE WHEN errorcode IS NOT NULL THEN eventid END) AS failed,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
GROUP BY 1, 2, 3, 4
ORDER BY calls DESC, actor, identity, eventsource, eventname
