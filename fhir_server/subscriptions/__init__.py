"""Subscriptions at work: the change feed is followed, events are kept, and delivered as their owners may see them."""
