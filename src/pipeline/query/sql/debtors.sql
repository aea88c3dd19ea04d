-- Accounts with a balance below zero, now, the deepest first.
SELECT account_id, district_id, klass, tariff, state, blocked_by, balance
FROM state.accounts
WHERE balance < 0 AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
ORDER BY balance, account_id
LIMIT $limit
