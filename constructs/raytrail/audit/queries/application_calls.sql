-- title: Calls of the application's functions
-- question: Which API calls did Lambda functions make with their roles in the last 7 days, and how many failed?

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
  AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
  AND useridentity.type = 'AssumedRole'
  AND (
    useridentity.inscopeof.issuertype = 'AWS::Lambda::Function'
    OR regexp_like(useragent, 'exec-env/AWS_Lambda_')
  )
GROUP BY 1, 2, 3, 4
ORDER BY function_name, calls DESC, eventsource, eventname
