-- Who is without supply now, or may be: since when, and what became of the last command.
WITH last_notice AS (
    SELECT shard, account_id, max("at") AS tripped_at FROM notices WHERE kind = 'tripped' GROUP BY ALL
)
SELECT
    account_id,
    accounts.district_id,
    accounts.state,
    accounts.unsure,
    accounts.balance,
    tripped_at,
    commands.kind AS command,
    commands.attempt,
    commands.issued_at
FROM state.accounts AS accounts
LEFT JOIN last_notice USING (shard, account_id)
LEFT JOIN state.commands AS commands USING (shard, account_id)
WHERE (accounts.state IN ('tripping', 'off', 'restoring') OR accounts.unsure)
    AND ($district IS NULL OR CAST(accounts.district_id AS VARCHAR) = $district)
ORDER BY tripped_at, account_id
LIMIT $limit
