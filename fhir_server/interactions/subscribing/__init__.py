"""Subscriptions as resources: what may be asked for, whose one is, and what there is of its events."""
