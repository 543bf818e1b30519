"""A small telemedicine clinic of our own making: invented people, real shapes."""
