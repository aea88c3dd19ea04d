-- Each account that is due to be cut and held back, and by which gate; the longest first.
WITH due AS (
    SELECT shard, account_id, max("at") AS due_since FROM notices WHERE kind = 'trip_due' GROUP BY ALL
)
SELECT account_id, district_id, klass, coalesce(blocked_by, 'none') AS gate, due_since, balance
FROM state.accounts
LEFT JOIN due USING (shard, account_id)
WHERE state = 'due' AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
ORDER BY due_since, account_id
LIMIT $limit
