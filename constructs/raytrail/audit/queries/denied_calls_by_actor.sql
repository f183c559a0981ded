-- title: Denied calls by actor
-- question: Who was denied what in the days given, how often, and since when?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1580

SELECT
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS denied,
  count(DISTINCT sourceipaddress) AS addresses,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  -- AccessDenied, AccessDeniedException, Client.UnauthorizedOperation, UnauthorizedAccess and their like.
  AND regexp_like(lower(errorcode), 'access_{0,1}denied|unauthorized|forbidden|not_{0,1}authorized')
GROUP BY 1, 2, 3
ORDER BY denied DESC, actor, eventsource, eventname
