-- title: Activity by access key
-- question: What did each access key do in the days given: first and last call, how many, of which services, from how many addresses?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

SELECT
  useridentity.accesskeyid AS access_key,
  max(coalesce(useridentity.username, useridentity.sessioncontext.sessionissuer.username)) AS owner,
  min(eventtime) AS first_seen,
  min_by(eventsource || ' ' || eventname, eventtime || eventid) AS first_call,
  max(eventtime) AS last_seen,
  max_by(eventsource || ' ' || eventname, eventtime || eventid) AS last_call,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT eventsource) AS services,
  count(DISTINCT sourceipaddress) AS addresses
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND useridentity.accesskeyid IS NOT NULL
GROUP BY useridentity.accesskeyid
ORDER BY calls DESC, access_key
