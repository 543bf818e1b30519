"""Who may do what: accounts, tokens, SMART scopes and the policy. A library; it knows no server."""
