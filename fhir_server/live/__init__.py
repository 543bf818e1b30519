"""What happens at the moment: sockets of `realtime` joined to accounts, appointments, encounters and notifications."""
