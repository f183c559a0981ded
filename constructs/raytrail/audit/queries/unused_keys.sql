-- title: Access keys that fell silent
-- question: Which long-term access keys were made or used since the history begins, and neither used nor deleted in the days given?
-- parameter: since (day): first day of the history to look for keys in, such as 2026/08/01
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1078.004

SELECT
  access_key,
  owner,
  made,
  last_used
FROM (
  SELECT
    access_key,
    max(owner) AS owner,
    min(CASE WHEN way = 'made' THEN eventtime END) AS made,
    max(CASE WHEN way = 'used' THEN eventtime END) AS last_used,
    coalesce(max(CASE WHEN way = 'used' THEN "timestamp" END), '') AS last_day_used,
    max(CASE WHEN way = 'deleted' THEN eventtime END) AS deleted
  FROM (
    -- One call may use one key and make or delete another.
    SELECT
      way,
      eventtime,
      "timestamp",
      CASE way
        WHEN 'used' THEN accesskeyid
        WHEN 'made' THEN json_extract_scalar(responseelements, '$.accessKey.accessKeyId')
        WHEN 'deleted' THEN json_extract_scalar(requestparameters, '$.accessKeyId')
      END AS access_key,
      CASE way
        WHEN 'used' THEN username
        WHEN 'made' THEN json_extract_scalar(responseelements, '$.accessKey.userName')
      END AS owner
    FROM (
      SELECT
        "timestamp",
        eventtime,
        eventname,
        errorcode,
        useridentity.accesskeyid,
        useridentity.username,
        requestparameters,
        responseelements
      FROM ${table}
      WHERE account IN (${accounts})
        AND region IN (${regions})
        AND "timestamp" BETWEEN ${since} AND ${to}
    ) AS calls
    CROSS JOIN UNNEST(ARRAY['used', 'made', 'deleted']) AS ways(way)
    WHERE way = 'used'
      OR (way = 'made' AND eventname = 'CreateAccessKey')
      OR (way = 'deleted' AND eventname = 'DeleteAccessKey' AND errorcode IS NULL)
  ) AS mentions
  -- Temporary keys begin with ASIA.
  WHERE access_key LIKE 'AKIA%'
  GROUP BY access_key
) AS keys
WHERE last_day_used < ${from}
  AND deleted IS NULL
ORDER BY last_used, access_key
