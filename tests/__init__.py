"""Tests of engmetrics."""
