-- title: An actor's hour around an event
-- question: What did one actor do in the half hour before and after an event, in every account and Region?
-- parameter: actor (text): ARN, unique id, name or access key of a user, role or session, or the principal of an alert, such as arn:aws:iam::111122223333:role/deploy
-- parameter: at (instant): when the event happened, such as 2026-11-22T10:00:00Z
-- technique: T1078.004

SELECT DISTINCT
  eventtime,
  account,
  region,
  eventsource,
  eventname,
  coalesce(errorcode, 'done') AS outcome,
  useridentity.arn AS session,
  useridentity.accesskeyid AS access_key,
  sourceipaddress,
  useragent,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  -- A file lies under the day of its delivery, which follows the call by minutes: look an hour further.
  AND "timestamp" BETWEEN date_format(from_iso8601_timestamp(${at}) - INTERVAL '30' MINUTE, '%Y/%m/%d')
    AND date_format(from_iso8601_timestamp(${at}) + INTERVAL '90' MINUTE, '%Y/%m/%d')
  AND eventtime BETWEEN date_format(from_iso8601_timestamp(${at}) - INTERVAL '30' MINUTE, '%Y-%m-%dT%H:%i:%sZ')
    AND date_format(from_iso8601_timestamp(${at}) + INTERVAL '30' MINUTE, '%Y-%m-%dT%H:%i:%sZ')
  AND ${actor} IN (
    useridentity.arn,
    useridentity.username,
    useridentity.principalid,
    useridentity.accesskeyid,
    useridentity.onbehalfof.userid,
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.sessioncontext.sessionissuer.username,
    useridentity.sessioncontext.sessionissuer.principalid,
    -- The role of a session, where the record has no issuer.
    regexp_extract(useridentity.arn, '^(.*:assumed-role/.*)/', 1),
    regexp_extract(useridentity.principalid, '^AROA[^:]*'),
    -- A service or an account only where nothing else says who called: many actors share these.
    coalesce(
      nullif(useridentity.arn, ''),
      nullif(useridentity.onbehalfof.userid, ''),
      nullif(useridentity.principalid, ''),
      nullif(useridentity.username, ''),
      nullif(useridentity.invokedby, ''),
      nullif(useridentity.accountid, ''),
      'unknown'
    )
  )
ORDER BY eventtime, eventid
