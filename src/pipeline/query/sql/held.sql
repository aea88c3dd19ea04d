-- Who is due to be cut and held back, by gate: how many, since when, what they owe.
WITH due AS (
    SELECT shard, account_id, max("at") AS due_since FROM notices WHERE kind = 'trip_due' GROUP BY ALL
)
SELECT
    coalesce(blocked_by, 'none') AS gate,
    count(*) AS accounts,
    sum(balance) AS balance,
    min(due_since) AS longest_since,
    max(due_since) AS newest_since
FROM state.accounts
LEFT JOIN due USING (shard, account_id)
WHERE state = 'due' AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
GROUP BY gate
ORDER BY accounts DESC, gate
