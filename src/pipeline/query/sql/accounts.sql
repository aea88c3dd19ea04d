-- Accounts by class and state, now, with their balances.
SELECT
    klass,
    state,
    count(*) AS accounts,
    count(*) FILTER (balance < 0) AS in_debt,
    sum(balance) AS balance,
    sum(balance) FILTER (balance < 0) AS debt
FROM state.accounts
WHERE $district IS NULL OR CAST(district_id AS VARCHAR) = $district
GROUP BY klass, state
ORDER BY klass, state
