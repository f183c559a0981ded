-- title: Activity by user agent
-- question: Which tools called the accounts in the days given, for how many actors, and since when?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1059.009

SELECT
  coalesce(useragent, 'none') AS agent,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  )) AS actors,
  array_join(slice(array_sort(array_agg(DISTINCT eventsource)), 1, 5), ', ') AS some_services,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
GROUP BY 1
ORDER BY calls, agent
LIMIT 200
