-- title: Calls of the application's functions
-- question: Which API calls did Lambda functions make with their roles in the days given, and how many failed?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07

SELECT
  -- Lambda names the session of a role after the function.
  split_part(useridentity.principalid, ':', 2) AS function_name,
  useridentity.sessioncontext.sessionissuer.username AS role,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT CASE WHEN errorcode IS NOT NULL THEN eventid END) AS failed,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND useridentity.type = 'AssumedRole'
  AND (
    useridentity.inscopeof.issuertype = 'AWS::Lambda::Function'
    OR regexp_like(useragent, 'exec-env/AWS_Lambda_')
  )
GROUP BY 1, 2, 3, 4
ORDER BY function_name, calls DESC, eventsource, eventname
