"""What is told of the events of subscriptions: to whom, what they may read of it at that moment, and in which words."""
