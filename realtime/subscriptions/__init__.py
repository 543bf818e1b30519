"""FHIR subscriptions, the pure part: what a Subscription asks for, what a notification says, when to try again."""
