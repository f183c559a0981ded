-- title: Calls of a principal
-- question: What did one user, role or session do in the days given, where, how often, and how often in vain?
-- parameter: principal (text): ARN of a user, role or session, or a user's or role's name or unique id, such as arn:aws:iam::111122223333:role/deploy
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

SELECT
  account,
  region,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT CASE WHEN errorcode IS NOT NULL THEN eventid END) AS failed,
  count(DISTINCT sourceipaddress) AS addresses,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND ${principal} IN (
    useridentity.arn,
    useridentity.username,
    useridentity.principalid,
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.sessioncontext.sessionissuer.username,
    useridentity.sessioncontext.sessionissuer.principalid
  )
GROUP BY 1, 2, 3, 4
ORDER BY calls DESC, account, region, eventsource, eventname
