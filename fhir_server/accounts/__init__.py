"""Accounts where they meet FHIR: the resources behind them, made and changed in one commit with them."""
