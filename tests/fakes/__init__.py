"""Test doubles and test data, documented like product code."""
