"""Who hears of it: sockets, rooms, notifications. Knows no server and no store; what it needs of one is in `ports`."""
