"""SQL over what the engine has decided: DuckDB over a folder's outputs, ready questions, one account's story."""
